/*
 * The opens that wait: a small record each, by content and by number. No lock of its own, no input or output.
 */
#ifndef TEES_SERVE_WAITERS_H
#define TEES_SERVE_WAITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct waiter {
  uint64_t unique;
  uint32_t content;
  uint32_t pid;
  bool watched; /* a signal came that did not end it; another may */
  /* Links: of those of the same content, in a bucket of the table, of those watched. */
  struct waiter *next, *previous;
  struct waiter *bucket_next;
  struct waiter *watched_next, *watched_previous;
};

struct waiters {
  uint32_t content_count;
  struct waiter **first; /* by content */
  struct waiter **buckets;
  size_t bucket_count, count;
  struct waiter *watched;
};

/* False when there is no memory. */
bool waiters_init(struct waiters *waiters, uint32_t content_count);
void waiters_free(struct waiters *waiters);
/* NULL when there is no memory. One number waits once: a second time gives the same record. */
struct waiter *waiters_add(struct waiters *waiters, uint64_t unique, uint32_t content, uint32_t pid);
/* By the number as it was first or is now, sent again or not; NULL when it does not wait. */
struct waiter *waiters_find(const struct waiters *waiters, uint64_t unique);
void waiters_watch(struct waiters *waiters, struct waiter *waiter);
/* Takes it out; it is the caller's to free. */
void waiters_remove(struct waiters *waiters, struct waiter *waiter);
/* All of a content, linked by `next`; the caller's to free. */
struct waiter *waiters_take(struct waiters *waiters, uint32_t content);

#endif
