/* What the login daemon tells the keeper on its standard input: one message of NAME=VALUE strings. */
#ifndef TEES_SETTINGS_H
#define TEES_SETTINGS_H

#include "environment.h"

#define BINDS_MAX 64

struct settings {
  const char *directory; /* of all environments */
  const char *runtime;   /* the daemon's */
  int network;           /* a network namespace for environments, or -1 */
  uint32_t id_base;      /* of subordinate ids for those who have none in /etc/subuid */
  uint32_t id_end;
  size_t bind_count;
  const char *binds[BINDS_MAX]; /* of the node, shown inside; "~" is the user's home; one with "?" before it may be missing */
  const char *memory;           /* bytes, or "" */
  const char *processes;        /* or "" */
  char enter_program[PATH_SIZE]; /* beside tees-keep */
};

/* Does not return when they are wrong. */
void settings_read(int fd, struct settings *settings);

#endif
