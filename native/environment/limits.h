/* What one user's environments may take of the node together, by control groups of either version, where the node has them. */
#ifndef TEES_LIMITS_H
#define TEES_LIMITS_H

#include "places.h"
#include "settings.h"

/* This process, and what it starts, is in the environment's groups, within its user's, from now on. Refuses where a limit cannot be set. */
void limits_enter(const struct settings *settings, const struct place *place);
/* Makes them, while others make what else an environment needs. */
void limits_prepare(const struct settings *settings, const struct place *place);
/* What is left of environments whose monitors were killed: groups with nobody in them. */
void limits_sweep(void);
/* Of an environment that has ended. */
void limits_remove(const struct place *place);

#endif
