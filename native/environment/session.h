/* A session of an environment: one command, started for one client and answering to it. */
#ifndef TEES_SESSION_H
#define TEES_SESSION_H

#include "user.h"

/* In a child of PID 1. An inner session is asked for from inside, by somebody who is root or the user. */
void session_run(const struct user *user, const char *name, int connection, bool is_inner) __attribute__((noreturn));
#endif
