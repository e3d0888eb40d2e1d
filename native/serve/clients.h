/* The daemons that are connected: their records in and out. One thread. */
#ifndef TEES_SERVE_CLIENTS_H
#define TEES_SERVE_CLIENTS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "protocol.h"

#define CLIENTS_MAX 8
/* Of records that a daemon does not take: it is hung up on, and will hear everything when it comes again. */
#define CLIENT_BACKLOG_MAX_BYTES (4u << 20)

struct client {
  int fd;
  unsigned char in[RECORD_BYTES];
  size_t in_length;
  unsigned char *out;
  size_t out_start, out_end, out_room;
  bool lost;
};

struct clients {
  struct client each[CLIENTS_MAX];
  size_t count;
};

/* Takes one that waits at `listener`, if root. NULL when there is none, or no room. */
struct client *clients_accept(struct clients *clients, int listener);
void client_send(struct client *client, const struct record *record);
void clients_send(struct clients *clients, const struct record *record);
/* `ready` has room for CLIENTS_MAX; returns how many are used. */
size_t clients_poll(const struct clients *clients, struct pollfd *ready);
/* The next record of one that has sent some; false when there is no whole one, or it is lost. */
bool client_receive(struct client *client, struct record *record);
/* Writes what there is to write, and forgets who is lost. */
void clients_flush(struct clients *clients);

#endif
