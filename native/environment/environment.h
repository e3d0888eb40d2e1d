/*
 * Private environments of users on a login node: the programs tees-keep (root) and tees-enter (anybody).
 *
 *   tees-enter ──────────────── keeper (tees-keep, started by the login daemon)
 *        ┊                        └ attendant: one for each connection; judges who asks by SO_PEERCRED
 *        ┊                            └ monitor: one for each environment; holds its lock, outlives the keeper
 *        ┊                                └ PID 1 of the environment ─ session ─ the user's command
 *        └┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┘ the connection, handed on
 *
 * Everything is messages (message.h) on stream sockets. The first string of each says what it is.
 * To the keeper:
 *   enter NAME root|user ROWS COLUMNS DIRECTORY N ARG×N ENV…   0 ROWS: no terminal, and three descriptors come along.
 *                                                            No ARG: a login shell
 *   start NAME, stop NAME, delete NAME, copy NAME NEW, list, usage NAME
 *   export NAME, import NAME     three descriptors come along: a tar goes to the second, or comes by the first
 *   The root of the node puts "user=UID" before the verb for somebody else's, except for enter.
 * To the client:
 *   error CODE MESSAGE HINT
 *   started            with the terminal's master, where there is one
 *   exited STATUS
 *   environment NAME stopped|running SINCE(seconds since 1970)   for each, to list
 *   usage BYTES FILES TAKEN SIZE   the last two of all of the user's together, or empty: see volume.h
 *   done
 * And on a running session, from the client:
 *   signal NUMBER
 *
 * An attendant has read nothing but this one client's words, and forks all the rest: whatever the environment could find
 * in its PID 1's memory is the user's own. Nor can it look: PID 1 and sessions are not dumpable (ptrace(2)).
 */
#ifndef TEES_ENVIRONMENT_H
#define TEES_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NAME_MAX_BYTES 64
#define PATH_SIZE 4096
/* Ids of each environment: 0 is the user, the others are subordinate ones. */
#define ID_COUNT 65536u
/* Where those inside who are not root become it: see session.c. */
#define INNER_SOCKET "/run/tees-root.sock"
/* The layers themselves, to be looked at: the upper one with whiteouts and marks, and the node's root as the user may see it. */
#define INNER_UPPER_NAME "tees-upper"
#define INNER_LOWER_NAME "tees-lower"
#define INNER_PROGRAMS_NAME "tees-bin"
#define INNER_PROGRAMS "/run/" INNER_PROGRAMS_NAME

/* A session's to the attendant: from here on the request is its own, and nobody else's to repeat. */
#define REQUEST_TAKEN "t"

/* tees-enter's own failures, as env(1) and ssh(1) have them; 126 and 127 are those of commands. */
#define STATUS_FAILED 125
#define STATUS_CANNOT_EXECUTE 126
#define STATUS_NOT_FOUND 127

/* As snprintf(3); what does not fit is a failure (message.h). */
int path_print(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * A process that shares this one's memory until it ends, and is not waited for: copying page tables is most of what a start
 * would cost. It may do little: no memory is allocated, errno is both's.
 */
pid_t start_sharing(int (*run)(void *), void *argument, int flags);
/* Closes all descriptors but the three streams and these. */
void keep_only(const int *fds, size_t count);

void close_fd(const int *fd);
void free_pointer(void *pointer);
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))
#define AUTO_FREE __attribute__((cleanup(free_pointer)))
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
