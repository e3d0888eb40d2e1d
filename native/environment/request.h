/* What the verbs of attend.c and transfer.c share. */
#ifndef TEES_ENVIRONMENT_REQUEST_H
#define TEES_ENVIRONMENT_REQUEST_H

#include "message.h"
#include "places.h"
#include "settings.h"

struct request {
  const struct settings *settings;
  int connection;
  struct message message;
  size_t verb; /* which of the strings */
  uid_t uid;   /* whose environments are meant */
  bool is_own;
};

const char *request_argument(const struct request *request, size_t index);
void request_done(const struct request *request) __attribute__((noreturn));
/* Refuses what does not exist. */
void request_existing(const struct request *request, const char *name, struct place *place);
/* One that stands still, and does until the descriptors are closed. */
void request_hold(const struct place *place, int *starting, int *lock);
/* A directory that nobody looks at, for what becomes PLACE when it is whole; and its end. */
void request_grow(const struct place *place, char *growing);
void request_settle(const char *growing, const struct place *place, bool is_whole);
/* The status of a program. */
int request_run(const char *const *arguments);

/* Verbs of transfer.c. */
void transfer_export(struct request *request);
void transfer_import(struct request *request);
void transfer_copy(struct request *request);

#endif
