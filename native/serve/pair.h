/*
 * The pair: how one process starts the other, and notices its death.
 *
 * A process is started by fork(2) and execveat(2), not by fork alone: the server has threads. It inherits the
 * descriptors of serve.h and one end of a new lifeline. Nobody writes to a lifeline: it ends with its other side.
 */
#ifndef TEES_SERVE_PAIR_H
#define TEES_SERVE_PAIR_H

#define ROLE_SERVER "server"
#define ROLE_KEEPER "keeper"

/* 0, or -1 with errno; the own end is then FD_LIFELINE. */
int pair_start(const char *role);
/* The same, however often it takes; not too often in a second. */
void pair_replace(const char *role);
/* Unmounts JOB/served, whoever holds files there, and removes the socket. To be called from JOB; twice does no harm. */
void pair_take_down(void);
/* The keeper's whole life. */
void keeper_run(void) __attribute__((noreturn));

#endif
