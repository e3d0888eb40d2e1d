#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void client_attach(struct client *client, int fd) {
  client_drop(client);
  client->fd = fd;
}

void client_drop(struct client *client) {
  if (client->fd >= 0) close(client->fd);
  client->fd = -1;
  client->in_size = client->in_taken = client->out_size = 0;
}

/* False, and the client is dropped, when there is no memory: the next one is told everything again. */
static bool reserve(struct client *client, size_t size) {
  if (client->out_size + size <= client->out_room) return true;
  size_t room = (client->out_size + size) * 2;
  unsigned char *longer = realloc(client->out, room);
  if (!longer) {
    client_drop(client);
    return false;
  }
  client->out = longer;
  client->out_room = room;
  return true;
}

static void append(struct client *client, const void *bytes, size_t size) {
  if (size > 0) memcpy(client->out + client->out_size, bytes, size);
  client->out_size += size;
}

void client_send(struct client *client, char kind, const void *first, size_t first_size, const void *rest, size_t size) {
  uint32_t payload = (uint32_t)(first_size + size);
  if (client->fd < 0 || !reserve(client, FRAME_HEADER_BYTES + payload)) return;
  append(client, &kind, 1);
  append(client, &payload, sizeof payload);
  append(client, first, first_size);
  append(client, rest, size);
}

void client_flush(struct client *client) {
  size_t sent = 0;
  while (client->fd >= 0 && sent < client->out_size) {
    ssize_t put = send(client->fd, client->out + sent, client->out_size - sent, MSG_NOSIGNAL);
    if (put > 0) sent += (size_t)put;
    else if (put < 0 && errno == EINTR) continue;
    else break; /* full; or gone, which the next read tells after what is still to be read */
  }
  if (sent > 0) memmove(client->out, client->out + sent, client->out_size -= sent);
}

void client_receive(struct client *client) {
  memmove(client->in, client->in + client->in_taken, client->in_size -= client->in_taken);
  client->in_taken = 0;
  ssize_t got = read(client->fd, client->in + client->in_size, sizeof client->in - client->in_size);
  if (got > 0) client->in_size += (size_t)got;
  else if (got == 0 || (errno != EINTR && errno != EAGAIN)) client_drop(client);
}

bool client_next(struct client *client, struct frame *frame) {
  size_t size = client->in_size - client->in_taken;
  const unsigned char *at = client->in + client->in_taken;
  if (client->fd < 0 || size < FRAME_HEADER_BYTES) return false;
  frame->kind = (char)at[0];
  memcpy(&frame->size, at + 1, sizeof frame->size);
  frame->payload = at + FRAME_HEADER_BYTES;
  if (frame->size > FRAME_PAYLOAD_MAX_BYTES) {
    client_drop(client);
    return false;
  }
  if (size < FRAME_HEADER_BYTES + frame->size) return false;
  client->in_taken += FRAME_HEADER_BYTES + frame->size;
  return true;
}
