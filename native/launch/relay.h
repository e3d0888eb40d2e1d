/*
 * The task's standard streams. The daemon's ends are sockets, which a program cannot open by /dev/stdout or
 * /proc/self/fd/1 (ENXIO), so the task gets pipes, and they are the user's own. Bytes are spliced, never copied.
 */
#ifndef TEES_RELAY_H
#define TEES_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

struct relay {
  int from, to;
  bool waits_for_room; /* the last splice found `to` full, or `from` empty after all */
};

/* Standard input, output and error; the task's ends go to `stdio`. */
void relays_open(struct relay relays[3], int stdio[3], uid_t uid, gid_t gid);
/* In the launcher's child, for whom the task's ends become 0, 1 and 2. */
void relays_leave(const struct relay relays[3], const int stdio[3]);
void relays_poll(const struct relay relays[3], struct pollfd ready[6]);
void relays_move(struct relay relays[3], const struct pollfd ready[6]);
/* What the task has left in its pipes, when nobody in the environment can add to it: true when all has gone. */
bool relays_drained(const struct relay relays[3]);

#endif
