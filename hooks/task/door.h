/* The node daemon's door for tasks: see src/node/task-door.ts. */
#ifndef TEES_DOOR_H
#define TEES_DOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DOOR_NAME "/tasks.sock"
#define DOOR_SOCKET "/run/tees" DOOR_NAME
/* Of a task that could not come in, as of the launcher's failures. */
#define DOOR_STATUS_FAILED 125

struct task {
  const char *manager, *job, *environment, *hook, *method, *on_loss, *directory, *path, *libraries;
  uid_t uid;
  uint32_t position; /* of its node among those of the step: the first asks at once, the others only when nothing comes */
  bool is_known; /* its command is what will run */
  char **command;
};

struct way {
  const char *pid, *inode; /* a process in the environment's mount namespace, and which that is */
  int mounts;          /* the namespace, or -1 */
  unsigned allowances; /* of native/launch/filter.h */
  char **variables;    /* NAME=VALUE, and a NULL */
};

/* Whether nobody else than root can ever answer there, which those need to know who ask and are not root. */
bool door_is_roots(const char *path);
/* Waits until the environment stands. NULL, or what is wrong; for as long as the process. */
const char *door_ask(const char *path, const struct task *task, struct way *way, const char **hint);
/* Opens the environment's mount namespace, for which one has to be able to trace its processes. NULL, or what is wrong. */
const char *door_open(struct way *way);
/* Waits until it is heard, and not for long. */
void door_tell_end(const char *path, const char *manager, const char *job);

#endif
