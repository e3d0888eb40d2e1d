/*
 * A user's environments on a file system of their own, where what they take of the disk is bounded: ext4 in a sparse file,
 * DIRECTORY/users/UID.volume, mounted at DIRECTORY/users/UID through a loop device. It bounds on any file system and kernel,
 * which project quotas would not. It stays mounted, as environments go on, until the node's end.
 */
#ifndef TEES_VOLUME_H
#define TEES_VOLUME_H

#include "settings.h"

/* Beside environments, which ext4 wants. */
#define LOST_AND_FOUND "lost+found"

/* Mounted when this returns, where there is one. */
void volume_use(const struct settings *settings, uid_t uid);
/* Refuses environments from before the setting, which nothing bounds: none of them is started, entered or added to. */
void volume_require(const struct settings *settings, uid_t uid);
/* Made when it is missing, where the settings bound the disk: for users alone whom the node knows, whoever asks. */
void volume_make(const struct settings *settings, uid_t uid);
/* Before and after the start of one that exists, which a full volume does not hinder (reserve.h). */
void volume_lend(const struct settings *settings, uid_t uid);
void volume_keep(const struct settings *settings, uid_t uid);
/* What all of a user's environments take and may take, in bytes; false where nothing bounds them. */
bool volume_room(const struct settings *settings, uid_t uid, unsigned long long *used, unsigned long long *size);
/* All that there are, as after the node's start; what is wrong with one is told on standard error. */
void volume_use_all(const struct settings *settings);
/* Gives its space back when no environment is left. */
void volume_tidy(const struct settings *settings, uid_t uid);

#endif
