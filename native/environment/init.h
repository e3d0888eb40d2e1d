/* PID 1 of an environment: takes connections, starts a session for each, and reaps what is left behind. */
#ifndef TEES_ENVIRONMENT_INIT_H
#define TEES_ENVIRONMENT_INIT_H

#include "user.h"

/* `starter` hears one byte when connections are taken; `former` is closed after that. */
void init_run(const struct user *user, const char *name, int listener, int starter, int former) __attribute__((noreturn));

#endif
