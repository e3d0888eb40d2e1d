/*
 * What the start of an environment takes of its file system, kept for it: overlayfs tries a few names before it mounts, and
 * who has taken all that there is, and stops, could not start again to remove some of it.
 */
#ifndef TEES_RESERVE_H
#define TEES_RESERVE_H

#include <stdbool.h>

/* Beside environments. */
#define RESERVE ".reserve"

/* Given to whoever comes first, where less than it is free: only while nothing else of the directory's user begins. */
void reserve_lend(const char *directory);
/* There again, if there is room. */
void reserve_keep(const char *directory);

#endif
