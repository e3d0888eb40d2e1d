/* The server's own memory: what its threads share. Dies with it. */
#ifndef TEES_SERVE_SERVER_H
#define TEES_SERVE_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "state.h"
#include "waiters.h"

/* Interrupts that came before the open they are for was known to wait: a power of two. */
#define STRAYS_MAX 4096
/* Contents whose file is handed to the kernel at the same time. */
#define BACKING_LOCKS 16

struct server {
  struct shared shared;
  pthread_mutex_t backing_locks[BACKING_LOCKS];
  /* eventfd: something below has changed that the control thread wants to know. */
  int wakeup;
  /* Guards everything below. Never held while something is answered. */
  pthread_mutex_t lock;
  struct waiters waiters;
  /* Contents of which it may have changed whether somebody waits, each once. */
  uint32_t *changed;
  uint32_t changed_count;
  unsigned char *marks; /* by content: MARK_ */
  uint64_t strays[STRAYS_MAX];
  uint32_t stray_count;
};

enum { MARK_CHANGED = 1, MARK_ANNOUNCED = 2 };

/* Also makes its state the current one. Ends the process when there is no memory. */
void server_init(struct server *server);
void server_wake(const struct server *server);
void server_count(struct server *server, enum counter counter, uint64_t by);
/* Ends the serving for good; the control thread sees to it. */
void server_end(struct server *server);

/* Threads that answer the kernel; they never return. worker.c */
void workers_start(struct server *server);
/* Talks to daemons until the job is over; then ends the process. control.c */
void control_run(struct server *server) __attribute__((noreturn));

#endif
