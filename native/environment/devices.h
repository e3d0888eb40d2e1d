/* /dev of an environment: what everybody has, and those of the node that the configuration names. */
#ifndef TEES_DEVICES_H
#define TEES_DEVICES_H

#include "settings.h"
#include "user.h"

/* While we still have the node's privileges, and its /dev: devices work only on a file system that is the node's. */
void devices_make(int inside, const struct settings *settings, const struct user *user);

#endif
