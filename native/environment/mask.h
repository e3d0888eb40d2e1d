/*
 * The mask: a layer between the node's files and the user's. It has an empty stand-in for each system file that not
 * everybody may read, so that programs which root inside starts find what they expect and may replace it: a shadow(5)
 * without passwords, empty private keys, empty directories. It hides nothing: what it stands for, root inside could not
 * read anyway (identities.c). A mask that is out of date costs comfort, not safety.
 */
#ifndef TEES_MASK_H
#define TEES_MASK_H

#include "environment.h"
#include "settings.h"

/* Makes a new one when what it was made from has changed; removes those that nobody uses. */
void mask_refresh(const struct settings *settings);
/* The newest: its path, and a descriptor that keeps it. Makes one where there is none. */
int mask_use(const struct settings *settings, char *path);

#endif
