#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clients.h"
#include "opens.h"
#include "pair.h"
#include "serve.h"
#include "server.h"

/* A signal's end of a blocked thread within 100 ms, and two looks within that. */
#define WATCH_INTERVAL_MS 40
/* Daemons tell of arrivals; this is for what one could not tell any more. */
#define ARRIVALS_INTERVAL_MS 500

enum { READY_LIFELINE, READY_WAKEUP, READY_LISTEN, READY_CLIENTS };

struct control {
  struct server *server;
  struct clients clients;
  int64_t watch_at_ms, arrivals_at_ms; /* 0: not needed */
};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell_client(void *context, uint32_t content, bool waited_for) {
  client_send(context, &(struct record){.kind = waited_for ? RECORD_BLOCKED : RECORD_UNBLOCKED, .content = content});
}

static void tell_clients(void *context, uint32_t content, bool waited_for) {
  clients_send(context, &(struct record){.kind = waited_for ? RECORD_BLOCKED : RECORD_UNBLOCKED, .content = content});
}

static void greet(struct control *control) {
  struct client *client = clients_accept(&control->clients, FD_LISTEN);
  if (!client) return;
  const struct state *state = control->server->shared.state;
  uint64_t value = state->count;
  if (state->features.passthrough) value |= HELLO_PASSTHROUGH;
  if (state->features.resend) value |= HELLO_RESEND;
  if (atomic_load(&state->failing)) value |= HELLO_FAILING;
  client_send(client, &(struct record){.kind = RECORD_HELLO, .content = PROTOCOL_VERSION, .value = value});
  client_send(client, &(struct record){.kind = RECORD_PROCESS, .value = (uint64_t)getpid()});
  opens_tell_announced(control->server, tell_client, client);
  client_send(client, &(struct record){.kind = RECORD_DONE});
}

static void answer_count(struct control *control, struct client *client, uint64_t question) {
  for (uint32_t i = 0; i < COUNTERS; i++) {
    uint64_t value = atomic_load(&control->server->shared.state->counters[i]);
    client_send(client, &(struct record){.kind = RECORD_COUNTER, .content = i, .value = value});
  }
  client_send(client, &(struct record){.kind = RECORD_DONE, .value = question});
}

static void obey(struct control *control, struct client *client, const struct record *record) {
  struct server *server = control->server;
  if (!record_acceptable(record, server->shared.tree.count)) {
    client->lost = true;
    return;
  }
  switch (record->kind) {
    case RECORD_ARRIVED: return opens_arrived(server, record->content);
    case RECORD_FAIL: return opens_fail(server);
    case RECORD_RESUME: return opens_resume(server);
    case RECORD_STOP: return server_end(server);
    case RECORD_COUNT: return answer_count(control, client, record->value);
    default: return;
  }
}

static int timeout_ms(const struct control *control) {
  int64_t next = control->watch_at_ms;
  if (control->arrivals_at_ms && (!next || control->arrivals_at_ms < next)) next = control->arrivals_at_ms;
  if (!next) return -1;
  int64_t left = next - now_ms();
  return left < 0 ? 0 : (int)left;
}

static void keep_time(struct control *control) {
  struct server *server = control->server;
  int64_t now = now_ms();
  if (control->watch_at_ms && now >= control->watch_at_ms)
    control->watch_at_ms = opens_check_watched(server) ? now_ms() + WATCH_INTERVAL_MS : 0;
  if (control->arrivals_at_ms && now >= control->arrivals_at_ms)
    control->arrivals_at_ms = opens_check_arrivals(server) ? now_ms() + ARRIVALS_INTERVAL_MS : 0;
}

/* Whatever woke it: what is not needed is found out when the time has come. */
static void take_wakeup(struct control *control) {
  uint64_t count;
  if (read(control->server->wakeup, &count, sizeof count) < 0) return;
  int64_t now = now_ms();
  if (!control->watch_at_ms) control->watch_at_ms = now + WATCH_INTERVAL_MS;
  if (!control->arrivals_at_ms) control->arrivals_at_ms = now + ARRIVALS_INTERVAL_MS;
}

static void end(struct control *control) {
  opens_fail(control->server);
  /* Before daemons see the end of their stream: they then find neither mount nor socket. */
  pair_take_down();
  exit(0);
}

void control_run(struct server *server) {
  struct control control = {.server = server};
  for (;;) {
    struct pollfd ready[READY_CLIENTS + CLIENTS_MAX] = {
        [READY_LIFELINE] = {.fd = FD_LIFELINE, .events = POLLIN},
        [READY_WAKEUP] = {.fd = server->wakeup, .events = POLLIN},
        [READY_LISTEN] = {.fd = FD_LISTEN, .events = POLLIN},
    };
    size_t polled = clients_poll(&control.clients, ready + READY_CLIENTS);
    if (poll(ready, READY_CLIENTS + polled, timeout_ms(&control)) < 0 && errno != EINTR) abort();
    if (ready[READY_WAKEUP].revents) take_wakeup(&control);
    for (size_t i = 0; i < polled; i++) {
      struct record record;
      struct client *client = &control.clients.each[i];
      if (ready[READY_CLIENTS + i].revents)
        while (client_receive(client, &record)) obey(&control, client, &record);
    }
    keep_time(&control);
    opens_tell_changes(server, tell_clients, &control.clients);
    if (ready[READY_LISTEN].revents) greet(&control);
    clients_flush(&control.clients);
    if (atomic_load(&server->shared.state->ending)) end(&control);
    if (ready[READY_LIFELINE].revents) pair_replace(ROLE_KEEPER);
  }
}
