/*
 * Waiting for a file whose content has not arrived. Async-signal-safe and thread-safe: system calls only, no memory
 * but the stack, no lock, no errno.
 *
 * The overlay answers calls that need the content of such a file with ELOOP (a layer made for this, see
 * src/serving/preload.ts), which for a regular file means nothing else. So the call itself comes first and costs
 * what it always costs; only who meets ELOOP comes here, waits, and calls again.
 */
#ifndef TEES_PRELOAD_WAIT_H
#define TEES_PRELOAD_WAIT_H

#include <stdbool.h>

#include "protocol.h"

/* One call's attempts; starts zeroed. */
struct attempts {
  int without_waiting; /* that the daemon said were in vain */
  int naps;
};

/* What a call that met ELOOP has to do. */
enum verdict {
  CALL_AGAIN = 0,
  GIVE_UP = -1, /* ELOOP is right: a symbolic link, or a loop of them */
  FAIL = -2,    /* EIO: the content will not come */
};

/*
 * Waits for the file that openat(directory, path) would find; `flags` may have O_NOFOLLOW and O_DIRECTORY. An empty
 * path, or NULL, is `directory` itself.
 */
enum verdict await_path(struct attempts *attempts, int directory, const char *path, int flags);

/* Waits for the file of a descriptor. */
enum verdict await_descriptor(struct attempts *attempts, int fd);

/* Until everything has arrived, for the sake of the program in `fd`; false when it will not. */
bool await_all(int fd, enum tees_reason reason);

/* Whether everything has arrived. A system call. */
bool all_is_here(void);

/* openat(2) for reading, waiting for the content if need be. A descriptor (O_CLOEXEC), or -errno. */
int open_awaited(int directory, const char *path, int flags);

/* In a child after fork: closes what threads of the parent waited with. */
void forget_waits(void);

#endif
