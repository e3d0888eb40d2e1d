/*
 * What a server leaves to its successor: memory that the pair shares (a memfd). Everything else a new server learns
 * from the kernel, which sends again what was not answered.
 */
#ifndef TEES_SERVE_STATE_H
#define TEES_SERVE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"

/* One of these for each content. */
enum { BACKING_UNKNOWN = 0, BACKING_NONE = -1 };

/* In the order of protocol.h. */
enum counter { COUNT_LOOKUPS, COUNT_OPENS, COUNT_BLOCKED_OPENS, COUNT_READS, COUNT_READ_BYTES, COUNT_WAITING, COUNTERS };

struct state {
  uint32_t count; /* of contents */
  struct features features;
  /* Contents that have not arrived will not: opens of them fail. */
  atomic_bool failing;
  /* The mount is to go, or is gone: nobody is replaced any more. */
  atomic_bool ending;
  /* How often a server has begun. */
  atomic_uint generation;
  atomic_uint_least64_t counters[COUNTERS];
};

struct shared {
  struct state *state;
  struct tree tree;
  /*
   * The kernel's number for each content's file (passthrough), or one of BACKING_. The first open decides, for as long
   * as the mount lives: opens of one file with and without passthrough exclude each other, and so do different numbers.
   */
  _Atomic int32_t *backings;
};

/* A new memfd for so many contents, all zeros; -1 with errno. */
int state_create(uint32_t count);
/* -1 with errno. `sizes` of what it fills in may be written until the pair runs. */
int state_attach(int fd, struct shared *shared);
uint64_t *state_sizes(const struct shared *shared);

#endif
