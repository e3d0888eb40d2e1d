/* The task: from PID 1's child to the user's program. */
#ifndef TEES_TASK_H
#define TEES_TASK_H

#include <signal.h>
#include <sys/types.h>

#include "plan.h"

struct task {
  const struct operation *identity, *environment, *directory, *command, *filter;
  int proc; /* of the environment */
};

/* In the child. Reports what failed, or runs the program, which closes the channel of reports; where there is none, stays. */
void task_run(const struct task *task) __attribute__((noreturn));

#endif
