/* The launcher's own process, from the birth of PID 1 to its end: between the daemon, whichever it is, and PID 1. */
#ifndef TEES_LAUNCHER_H
#define TEES_LAUNCHER_H

#include <sys/types.h>

#include "client.h"
#include "groups.h"
#include "streams.h"

struct launcher {
  pid_t init;
  int signals;  /* a signalfd: SIGCHLD, and those that mean "kill" */
  int listener; /* launch.sock */
  struct group group; /* of PID 1, and all in it */
  const char *memory, *processes;
  unsigned trace_ms; /* for so long it is noted what the task opens; 0: not at all */
  struct client daemon, pid_one;
  struct streams streams;
};

/* Returns the task's status, or 128 + signal, when nothing is left of the environment and nobody is to be told. */
int launcher_run(struct launcher *launcher);

#endif
