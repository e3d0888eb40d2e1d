#include "server.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "serve.h"

void server_init(struct server *server) {
  if (state_attach(FD_STATE, &server->shared) < 0) abort();
  uint32_t count = server->shared.tree.count;
  server->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  server->changed = calloc(count ? count : 1, sizeof *server->changed);
  server->marks = calloc(count ? count : 1, sizeof *server->marks);
  if (server->wakeup < 0 || !server->changed || !server->marks || !waiters_init(&server->waiters, count)) abort();
  pthread_mutex_init(&server->lock, NULL);
  for (int i = 0; i < BACKING_LOCKS; i++) pthread_mutex_init(&server->backing_locks[i], NULL);
  atomic_fetch_add(&server->shared.state->generation, 1);
  atomic_store(&server->shared.state->counters[COUNT_WAITING], 0);
}

void server_wake(const struct server *server) {
  uint64_t one = 1;
  if (write(server->wakeup, &one, sizeof one) < 0) return; /* it is awake already */
}

void server_count(struct server *server, enum counter counter, uint64_t by) {
  atomic_fetch_add_explicit(&server->shared.state->counters[counter], by, memory_order_relaxed);
}

void server_end(struct server *server) {
  atomic_store(&server->shared.state->ending, true);
  server_wake(server);
}
