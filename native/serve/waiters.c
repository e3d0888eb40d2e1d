#include "waiters.h"

#include <stdlib.h>

#include "kernel.h"

#define BUCKETS_MIN 256

static struct waiter **bucket_of(const struct waiters *waiters, uint64_t unique) {
  /* The kernel counts in steps of two; sent again, a number has one bit more. */
  uint64_t key = (unique & ~UNIQUE_RESENT) >> 1;
  return &waiters->buckets[key & (waiters->bucket_count - 1)];
}

bool waiters_init(struct waiters *waiters, uint32_t content_count) {
  *waiters = (struct waiters){.content_count = content_count, .bucket_count = BUCKETS_MIN};
  waiters->first = calloc(content_count ? content_count : 1, sizeof *waiters->first);
  waiters->buckets = calloc(BUCKETS_MIN, sizeof *waiters->buckets);
  return waiters->first && waiters->buckets;
}

void waiters_free(struct waiters *waiters) {
  for (uint32_t content = 0; content < waiters->content_count; content++) {
    for (struct waiter *next, *waiter = waiters_take(waiters, content); waiter; waiter = next) {
      next = waiter->next;
      free(waiter);
    }
  }
  free(waiters->first);
  free(waiters->buckets);
}

/* Failing to grow makes it slower, not wrong. */
static void grow(struct waiters *waiters) {
  size_t old_count = waiters->bucket_count;
  struct waiter **old = waiters->buckets, **larger = calloc(2 * old_count, sizeof *larger);
  if (!larger) return;
  waiters->buckets = larger;
  waiters->bucket_count = 2 * old_count;
  for (size_t i = 0; i < old_count; i++) {
    for (struct waiter *next, *waiter = old[i]; waiter; waiter = next) {
      next = waiter->bucket_next;
      struct waiter **bucket = bucket_of(waiters, waiter->unique);
      waiter->bucket_next = *bucket;
      *bucket = waiter;
    }
  }
  free(old);
}

struct waiter *waiters_add(struct waiters *waiters, uint64_t unique, uint32_t content, uint32_t pid) {
  struct waiter *waiter = waiters_find(waiters, unique);
  if (waiter) {
    waiter->unique = unique;
    return waiter;
  }
  waiter = calloc(1, sizeof *waiter);
  if (!waiter) return NULL;
  if (waiters->count >= 2 * waiters->bucket_count) grow(waiters);
  *waiter = (struct waiter){.unique = unique, .content = content, .pid = pid, .next = waiters->first[content]};
  if (waiter->next) waiter->next->previous = waiter;
  waiters->first[content] = waiter;
  struct waiter **bucket = bucket_of(waiters, unique);
  waiter->bucket_next = *bucket;
  *bucket = waiter;
  waiters->count++;
  return waiter;
}

struct waiter *waiters_find(const struct waiters *waiters, uint64_t unique) {
  struct waiter *waiter = *bucket_of(waiters, unique);
  while (waiter && ((waiter->unique ^ unique) & ~UNIQUE_RESENT)) waiter = waiter->bucket_next;
  return waiter;
}

void waiters_watch(struct waiters *waiters, struct waiter *waiter) {
  if (waiter->watched) return;
  waiter->watched = true;
  waiter->watched_next = waiters->watched;
  if (waiter->watched_next) waiter->watched_next->watched_previous = waiter;
  waiters->watched = waiter;
}

void waiters_remove(struct waiters *waiters, struct waiter *waiter) {
  if (waiter->next) waiter->next->previous = waiter->previous;
  if (waiter->previous) waiter->previous->next = waiter->next;
  else waiters->first[waiter->content] = waiter->next;
  if (waiter->watched) {
    if (waiter->watched_next) waiter->watched_next->watched_previous = waiter->watched_previous;
    if (waiter->watched_previous) waiter->watched_previous->watched_next = waiter->watched_next;
    else waiters->watched = waiter->watched_next;
  }
  struct waiter **link = bucket_of(waiters, waiter->unique);
  while (*link != waiter) link = &(*link)->bucket_next;
  *link = waiter->bucket_next;
  waiters->count--;
}

struct waiter *waiters_take(struct waiters *waiters, uint32_t content) {
  struct waiter *taken = waiters->first[content];
  /* Each stays linked to its next. */
  for (struct waiter *waiter = taken; waiter; waiter = waiter->next) waiters_remove(waiters, waiter);
  return taken;
}
