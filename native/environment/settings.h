/* What the login daemon tells the keeper on its standard input: one message of NAME=VALUE strings. */
#ifndef TEES_SETTINGS_H
#define TEES_SETTINGS_H

#include "environment.h"

#define BINDS_MAX 64
#define DEVICES_MAX 64

struct settings {
  const char *directory; /* of all environments */
  const char *runtime;   /* the daemon's */
  int network;           /* a network namespace for environments, or -1 */
  uint32_t id_base;      /* of subordinate ids for those who have none in /etc/subuid */
  uint32_t id_end;
  size_t bind_count;
  const char *binds[BINDS_MAX]; /* of the node, shown inside; "~" is the user's home; one with "?" before it may be missing */
  size_t device_count;
  const char *devices[DEVICES_MAX]; /* names below the node's /dev, of devices and directories; they may be patterns */
  const char *memory;           /* bytes, or "" */
  char shared_memory[64];       /* mount options of /dev/shm */
  const char *processes;        /* or "" */
  bool is_pbs;                  /* the site's resource manager is PBS, and has the hook of TEES */
  const char *disk;             /* bytes of a user's environments together, or "" */
  char enter_program[PATH_SIZE]; /* beside tees-keep */
};

/*
 * Defences that a build of its own leaves out, for tests alone (-DTEES_WEAK=N): an attack that nothing stops shows that its test
 * can fail. No configuration and no request can say this.
 */
enum weakness {
  WEAK_LOWER = 1,     /* the node's files are asked for with root's rights, and nothing stands in for them */
  WEAK_FILTER = 2,    /* no system call is refused */
  WEAK_DUMPABLE = 4,  /* PID 1 and sessions may be looked at */
  WEAK_PLACES = 8,    /* everybody may enter the directories */
  WEAK_IDENTITY = 16, /* whoever asks is who they say */
};
#ifndef TEES_WEAK
#define TEES_WEAK 0
#endif
#define is_weak(weakness) ((TEES_WEAK & (weakness)) != 0)

/* Does not return when they are wrong. */
void settings_read(int fd, struct settings *settings);

#endif
