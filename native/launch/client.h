/*
 * A connection that carries frames both ways: u8 kind, u32 bytes that follow (little-endian), then those. Nothing
 * here ever blocks: what is to be sent is queued, what has come is taken frame by frame. Whoever hangs up, or says
 * what is no frame, is dropped: `fd` is then -1, and what was queued is forgotten.
 */
#ifndef TEES_CLIENT_H
#define TEES_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_BYTES 5
#define FRAME_PAYLOAD_MAX_BYTES (64u * 1024)

struct frame {
  char kind;
  uint32_t size;
  const unsigned char *payload; /* until the next call for this client */
};

struct client {
  int fd; /* -1: nobody */
  size_t in_size, in_taken;
  unsigned char in[FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX_BYTES];
  unsigned char *out; /* grows with the queue */
  size_t out_size, out_room;
};

/* Owns `fd` from now on, which must not block. */
void client_attach(struct client *client, int fd);
void client_drop(struct client *client);
/* Queues one frame of two parts, either of which may be empty. */
void client_send(struct client *client, char kind, const void *first, size_t first_size, const void *rest, size_t size);
/* Writes what the other side takes now. */
void client_flush(struct client *client);
/* Reads once. What is in the connection when the other side has gone is still read before it is dropped. */
void client_receive(struct client *client);
/* True with the next whole frame; it is valid until the next call. */
bool client_next(struct client *client, struct frame *frame);

#endif
