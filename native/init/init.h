/*
 * tees-init: the small processes of an embedded cluster. Everything here is plain system calls in programs of a
 * few hundred kilobytes, because a cluster has one of them per node at its start and they must cost nothing.
 * Each verb is `int NAME_main(int argc, char **argv)`, argv[0] being the verb; it returns an exit status.
 */
#ifndef TEES_INIT_H
#define TEES_INIT_H

#include <signal.h>
#include <stddef.h>

/* sysexits.h: EX_TEMPFAIL. The state directory is in use by another cluster. */
#define STATUS_IN_USE 75
/* Of a supervisor: the network namespace of whoever has made the cluster. */
#define NETWORK_FD 6
/* Like a shell's. */
#define STATUS_CANNOT_EXECUTE 126
#define STATUS_NOT_FOUND 127

/* supervise STATE -- CMD ARG…   see supervise.c */
int supervise_main(int argc, char **argv);
/* sweep STATE -- CMD ARG…       see supervise.c */
int sweep_main(int argc, char **argv);
/* namespaces DIR NAME…          see namespaces.c */
int namespaces_main(int argc, char **argv);
/* net FILE -- CMD ARG…          see namespaces.c */
int net_main(int argc, char **argv);
/* node [options] -- CMD ARG…    see node.c */
int node_main(int argc, char **argv);
/* enter PID -- CMD ARG…         see enter.c */
int enter_main(int argc, char **argv);

/* listen PORT FD -- CMD ARG…    see listen.c */
int listen_main(int argc, char **argv);

/* Body of PID 1: see one.c. Never returns. `alive` is the read end of a pipe whose write end the parent holds. */
void pid_one(int alive, const sigset_t *mask, char **command) __attribute__((noreturn));

/* Prints `tees-init: what: path: strerror(errno)` and returns 1. Keeps errno. */
int complain(const char *what, const char *path);
/* Joins the namespace that the file `path` stands for; `type` is a CLONE_NEW* constant. 0 or -1 with errno. */
int join(const char *path, int type);
/* execvp, or an exit with 126 or 127 and a message. */
void execute(char **command) __attribute__((noreturn));
/* The part of argv behind "--", or NULL after a message. */
char **command_of(int argc, char **argv);
/* For cleanup attributes. */
void close_fd(const int *fd);
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))

#endif
