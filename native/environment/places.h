/*
 * Where environments are kept. Nobody but the node's root can reach any of it by its path:
 *   DIRECTORY/ids               see user.c
 *   DIRECTORY/masks/N           see mask.c
 *   DIRECTORY/users/UID/NAME/   lock, starting (locks), ids, upper/, work/
 *   DIRECTORY/users/UID/.aside.NAME.PID   what is being made or removed by that process
 *   DIRECTORY/users/UID.volume, UID.lock  see volume.h
 *   RUNTIME/environments/[monitor.]UID.NAME   sockets of one that runs; a name may end like anything
 */
#ifndef TEES_PLACES_H
#define TEES_PLACES_H

#include "environment.h"
#include "settings.h"
#include "user.h"

struct place {
  uid_t uid;
  char name[NAME_MAX_BYTES + 1];
  char path[PATH_SIZE];           /* of its directory */
  char sockets[PATH_SIZE];        /* the directory of the sockets */
  char socket[NAME_MAX_BYTES + 32];  /* its name there */
  char monitor[NAME_MAX_BYTES + 48];
};

/* Refuses names that are none. */
void place_of(const struct settings *settings, uid_t uid, const char *name, struct place *place);
bool place_exists(const struct place *place);
/* Makes upper and work, belonging to the user, where they are missing. */
void place_make(const struct place *place, const struct user *user);
/* Whose ids its files have (src/login/environment-layer.ts reads it): "UID GID FIRST_UID FIRST_GID". */
void place_note_ids(const struct place *place, const struct user *user);
/* A path beside those of environments, of this process. */
#define ASIDE ".aside."
void place_aside(const struct place *place, char *path);
/* Holds who else wants to start, stop or change it. */
int place_lock(const struct place *place, const char *which, bool waits);
/* A connection to one of its sockets, or -1: it does not run. */
int place_connect(const struct place *place, const char *socket_name);
int place_listen(const struct place *place, const char *socket_name);
void make_directory(const char *path, mode_t mode);

#endif
