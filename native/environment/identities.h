/* The user namespace of an environment, and trees of the node shown with its ids (mount_setattr(2), MOUNT_ATTR_IDMAP). */
#ifndef TEES_IDENTITIES_H
#define TEES_IDENTITIES_H

#include "user.h"

/* Id 0 inside is the user, the others are subordinate ids. A descriptor of it. A child that held it ends, and is not waited for. */
int identities_make(const struct user *user);
/* A detached clone of the mount at `path`, without those below it: what belongs to root on the node does so inside. */
int identities_clone(const char *path, int namespace, uint64_t attributes);
/* Of `tree`, a clone that is mounted, what root inside may look at: what the user may, and not one byte more. Over an empty directory. */
int identities_lower(const char *tree, const char *nothing, const struct user *user);
/* The user's rights on the node, as far as they come from groups, go along; id 0 of the namespace. */
void identities_enter(int namespace, const struct user *user);

#endif
