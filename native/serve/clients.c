#include "clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_root(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

struct client *clients_accept(struct clients *clients, int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return NULL;
  if (clients->count == CLIENTS_MAX || !is_root(fd)) {
    close(fd);
    return NULL;
  }
  struct client *client = &clients->each[clients->count++];
  *client = (struct client){.fd = fd};
  return client;
}

static bool make_room(struct client *client) {
  if (client->out_end + RECORD_BYTES <= client->out_room) return true;
  size_t held = client->out_end - client->out_start;
  if (held > 0) memmove(client->out, client->out + client->out_start, held);
  client->out_start = 0;
  client->out_end = held;
  if (held + RECORD_BYTES <= client->out_room / 2) return true;
  size_t room = client->out_room ? 2 * client->out_room : 64 * RECORD_BYTES;
  unsigned char *larger = room > CLIENT_BACKLOG_MAX_BYTES ? NULL : realloc(client->out, room);
  if (!larger) return false;
  client->out = larger;
  client->out_room = room;
  return true;
}

void client_send(struct client *client, const struct record *record) {
  if (client->lost) return;
  if (!make_room(client)) {
    client->lost = true;
    return;
  }
  record_encode(record, client->out + client->out_end);
  client->out_end += RECORD_BYTES;
}

void clients_send(struct clients *clients, const struct record *record) {
  for (size_t i = 0; i < clients->count; i++) client_send(&clients->each[i], record);
}

size_t clients_poll(const struct clients *clients, struct pollfd *ready) {
  for (size_t i = 0; i < clients->count; i++) {
    const struct client *client = &clients->each[i];
    short events = client->out_end > client->out_start ? POLLIN | POLLOUT : POLLIN;
    ready[i] = (struct pollfd){.fd = client->fd, .events = events};
  }
  return clients->count;
}

bool client_receive(struct client *client, struct record *record) {
  while (!client->lost && client->in_length < RECORD_BYTES) {
    ssize_t got = read(client->fd, client->in + client->in_length, RECORD_BYTES - client->in_length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) client->lost = true;
    else client->in_length += (size_t)got;
  }
  if (client->lost) return false;
  client->in_length = 0;
  record_decode(client->in, record);
  return true;
}

static void flush(struct client *client) {
  while (!client->lost && client->out_start < client->out_end) {
    size_t length = client->out_end - client->out_start;
    ssize_t put = send(client->fd, client->out + client->out_start, length, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) return;
    if (put < 0) client->lost = true;
    else client->out_start += (size_t)put;
  }
  client->out_start = client->out_end = 0;
}

void clients_flush(struct clients *clients) {
  size_t kept = 0;
  for (size_t i = 0; i < clients->count; i++) {
    struct client *client = &clients->each[i];
    flush(client);
    if (client->lost) {
      close(client->fd);
      free(client->out);
    } else {
      clients->each[kept++] = *client;
    }
  }
  clients->count = kept;
}
