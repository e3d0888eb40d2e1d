/* The FUSE mount at its beginning: used by setup and probe. */
#ifndef TEES_SERVE_MOUNT_H
#define TEES_SERVE_MOUNT_H

#include <stdbool.h>

#include "answer.h"

/* Moves a descriptor to its number among those of the pair; false with errno, also when `fd` is none. */
bool place(int fd, int number);
/* FD_FUSE at a directory. 0, or -1 with errno. */
int mount_served(const char *directory);
/*
 * Answers the kernel's first request, which asks what we can: before anybody else serves, as it is the only one that
 * cannot be sent again. 0, or -1 with errno.
 */
int mount_negotiate(struct features allowed, struct features *agreed);

#endif
