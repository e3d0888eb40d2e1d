/*
 * Opens, whether they wait or not. A waiting one is ended by whichever comes first: its content's arrival, a failure
 * told by the daemon, or a signal that ends its thread.
 */
#ifndef TEES_SERVE_OPENS_H
#define TEES_SERVE_OPENS_H

#include "server.h"

/* Kernel threads' and workers' side. */
void opens_begin(struct server *server, const struct request *request, uint32_t content);
/* A signal has come for the thread behind the request of that number. */
void opens_interrupted(struct server *server, uint64_t unique);

/* The control thread's side. */
/* What has arrived is looked up, never believed. */
void opens_arrived(struct server *server, uint32_t content);
/* Those that wait get EIO, and so do later ones until opens_resume. */
void opens_fail(struct server *server);
void opens_resume(struct server *server);
/* Looks after those for whom a signal came that did not end them. False when there are none. */
bool opens_check_watched(struct server *server);
/* Looks whether something that is waited for is here, in case nobody has told. False when nobody waits. */
bool opens_check_arrivals(struct server *server);
/* Tells of each content of which it has changed whether somebody waits for it. */
void opens_tell_changes(struct server *server, void (*tell)(void *context, uint32_t content, bool waited_for),
                        void *context);
/* Tells of each content that has been told as waited for. */
void opens_tell_announced(struct server *server, void (*tell)(void *context, uint32_t content, bool waited_for),
                          void *context);

#endif
