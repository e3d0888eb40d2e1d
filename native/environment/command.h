/* The command of a session: as whom, with what, and where it runs. */
#ifndef TEES_COMMAND_H
#define TEES_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "user.h"

/* What the keeper and the monitor ignore, whose children sessions are. */
#define IGNORED_SIGNALS {SIGPIPE, SIGHUP}

struct command {
  const struct user *user;
  const char *environment_name;
  bool as_user;
  int streams[3];
  bool has_terminal; /* which they are */
  char **arguments;  /* none: a log-in shell */
  char **environment;
  const char *directory;
};

/* Returns when it is executed; what fails is told where failures go, and ends this process. */
pid_t command_start(const struct command *command);

#endif
