/* The node daemon's door for tasks: see src/node/task-door.ts. */
#ifndef TEES_DOOR_H
#define TEES_DOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DOOR_SOCKET "/run/tees/tasks.sock"
/* Of a task that could not come in, as of the launcher's failures. */
#define DOOR_STATUS_FAILED 125

struct task {
  const char *manager, *environment, *hook, *method, *on_loss, *directory, *path, *libraries;
  uint32_t job;
  uid_t uid;
  bool is_first; /* on the first of its step's nodes */
  bool is_known; /* its command is what will run */
  char **command;
};

struct way {
  int mounts;          /* the environment's mount namespace, or -1 */
  unsigned allowances; /* of native/launch/filter.h */
  char **variables;    /* NAME=VALUE, and a NULL */
};

/* Waits until the environment stands. NULL, or what is wrong; for as long as the process. */
const char *door_ask(const char *path, const struct task *task, struct way *way, const char **hint);
/* Waits until it is heard, and not for long. */
void door_tell_end(const char *path, const char *manager, uint32_t job);

#endif
