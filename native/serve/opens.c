#include "opens.h"

#include <errno.h>
#include <stdlib.h>

#include "contents.h"
#include "device.h"
#include "fatal.h"
#include "serve.h"

/* With the lock held. True when the control thread is to be woken. */
static bool mark_changed(struct server *server, uint32_t content) {
  atomic_store(&server->shared.state->counters[COUNT_WAITING], server->waiters.count);
  if (server->marks[content] & MARK_CHANGED) return false;
  server->marks[content] |= MARK_CHANGED;
  server->changed[server->changed_count++] = content;
  return server->changed_count == 1;
}

/* With the lock held. */
static bool is_stray(const struct server *server, uint64_t unique) {
  for (size_t i = 0; i < STRAYS_MAX; i++)
    if (((server->strays[i] ^ unique) & ~UNIQUE_RESENT) == 0) return true;
  return false;
}

void opens_begin(struct server *server, const struct request *request, uint32_t content) {
  server_count(server, COUNT_OPENS, 1);
  if (contents_answer_open(server, request->unique, content) == 0) return;
  pthread_mutex_lock(&server->lock);
  struct waiter *waiter = NULL;
  bool failing = atomic_load(&server->shared.state->failing), wake = false;
  if (!failing) waiter = waiters_add(&server->waiters, request->unique, content, request->pid);
  if (waiter) {
    if (is_stray(server, request->unique)) waiters_watch(&server->waiters, waiter);
    wake = mark_changed(server, content) || waiter->watched;
  }
  pthread_mutex_unlock(&server->lock);
  if (!waiter) return device_error(request->unique, failing ? EIO : ENOMEM);
  server_count(server, COUNT_BLOCKED_OPENS, 1);
  /* It may have arrived, and been told, between the two looks. */
  if (contents_is_here(content)) return opens_arrived(server, content);
  if (wake) server_wake(server);
}

/* Ends one that may have ended meanwhile. */
static void end_waiter(struct server *server, uint64_t unique, int error) {
  pthread_mutex_lock(&server->lock);
  struct waiter *waiter = waiters_find(&server->waiters, unique);
  bool wake = false;
  if (waiter) {
    waiters_remove(&server->waiters, waiter);
    wake = mark_changed(server, waiter->content);
  }
  pthread_mutex_unlock(&server->lock);
  if (!waiter) return;
  device_error(waiter->unique, error);
  free(waiter);
  if (wake) server_wake(server);
}

void opens_interrupted(struct server *server, uint64_t unique) {
  pthread_mutex_lock(&server->lock);
  struct waiter *waiter = waiters_find(&server->waiters, unique);
  uint32_t pid = waiter ? waiter->pid : 0;
  if (waiter) waiters_watch(&server->waiters, waiter);
  /* Another worker may be about to make it wait, or has just answered it. EAGAIN would make the kernel ask for ever. */
  else server->strays[server->stray_count++ % STRAYS_MAX] = unique;
  pthread_mutex_unlock(&server->lock);
  if (!waiter) return;
  /* Of a thread that the mounter's pid namespace does not have, signals cannot be seen; rather EINTR than immortal. */
  if (pid == 0 || fatal_pending(FD_PROC, pid)) return end_waiter(server, unique, EINTR);
  server_wake(server);
}

static struct waiter *take(struct server *server, uint32_t content) {
  pthread_mutex_lock(&server->lock);
  struct waiter *taken = waiters_take(&server->waiters, content);
  bool wake = taken && mark_changed(server, content);
  pthread_mutex_unlock(&server->lock);
  if (wake) server_wake(server);
  return taken;
}

void opens_arrived(struct server *server, uint32_t content) {
  if (!contents_is_here(content)) return;
  for (struct waiter *next, *waiter = take(server, content); waiter; waiter = next) {
    next = waiter->next;
    if (contents_answer_open(server, waiter->unique, content)) device_error(waiter->unique, EIO);
    free(waiter);
  }
}

void opens_fail(struct server *server) {
  /* Under the lock: whoever did not see it waits already. */
  pthread_mutex_lock(&server->lock);
  atomic_store(&server->shared.state->failing, true);
  pthread_mutex_unlock(&server->lock);
  for (uint32_t content = 0; content < server->shared.tree.count; content++) {
    if (!atomic_load(&server->shared.state->counters[COUNT_WAITING])) return;
    for (struct waiter *next, *waiter = take(server, content); waiter; waiter = next) {
      next = waiter->next;
      device_error(waiter->unique, EIO);
      free(waiter);
    }
  }
}

void opens_resume(struct server *server) { atomic_store(&server->shared.state->failing, false); }

struct suspect {
  uint64_t unique;
  uint32_t pid;
};

bool opens_check_watched(struct server *server) {
  size_t count = 0, room = 0;
  pthread_mutex_lock(&server->lock);
  for (struct waiter *waiter = server->waiters.watched; waiter; waiter = waiter->watched_next) room++;
  AUTO_FREE struct suspect *suspects = room ? malloc(room * sizeof *suspects) : NULL;
  for (struct waiter *waiter = server->waiters.watched; waiter && suspects; waiter = waiter->watched_next)
    suspects[count++] = (struct suspect){.unique = waiter->unique, .pid = waiter->pid};
  pthread_mutex_unlock(&server->lock);
  for (size_t i = 0; i < count; i++)
    if (suspects[i].pid == 0 || fatal_pending(FD_PROC, suspects[i].pid)) end_waiter(server, suspects[i].unique, EINTR);
  return room > 0;
}

bool opens_check_arrivals(struct server *server) {
  uint32_t total = server->shared.tree.count, count = 0;
  pthread_mutex_lock(&server->lock);
  size_t room = server->waiters.count < total ? server->waiters.count : total;
  AUTO_FREE uint32_t *waited_for = room ? malloc(room * sizeof *waited_for) : NULL;
  for (uint32_t content = 0; content < total && waited_for && count < room; content++)
    if (server->waiters.first[content]) waited_for[count++] = content;
  pthread_mutex_unlock(&server->lock);
  for (uint32_t i = 0; i < count; i++) opens_arrived(server, waited_for[i]);
  return room > 0;
}

void opens_tell_changes(struct server *server, void (*tell)(void *context, uint32_t content, bool waited_for),
                        void *context) {
  pthread_mutex_lock(&server->lock);
  for (uint32_t i = 0; i < server->changed_count; i++) {
    uint32_t content = server->changed[i];
    bool waited_for = server->waiters.first[content], told = server->marks[content] & MARK_ANNOUNCED;
    server->marks[content] = waited_for ? MARK_ANNOUNCED : 0;
    if (waited_for != told) tell(context, content, waited_for);
  }
  server->changed_count = 0;
  pthread_mutex_unlock(&server->lock);
}

void opens_tell_announced(struct server *server, void (*tell)(void *context, uint32_t content, bool waited_for),
                          void *context) {
  for (uint32_t content = 0; content < server->shared.tree.count; content++)
    if (server->marks[content] & MARK_ANNOUNCED) tell(context, content, true);
}
