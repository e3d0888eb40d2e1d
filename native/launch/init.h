/* PID 1 of the environment. */
#ifndef TEES_INIT_H
#define TEES_INIT_H

#include "plan.h"

/*
 * Executes the plan, then reaps until the task has ended. What is left of the environment ends with it.
 * 0, 1 and 2 are the task's. `lifeline` is the read end of a pipe whose only write end is the launcher's.
 */
void init_run(const struct plan *plan, int lifeline) __attribute__((noreturn));

#endif
