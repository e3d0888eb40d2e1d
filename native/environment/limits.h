/* What one user's environments may take of the node together, by control groups of either version, where the node has them. */
#ifndef TEES_LIMITS_H
#define TEES_LIMITS_H

#include "places.h"
#include "settings.h"

/* Makes the environment's groups, within its user's, while others make what else it needs. Whether all is set. */
bool limits_prepare(const struct settings *settings, const struct place *place);
/* This process, and what it starts, is in them from now on. Refuses where a limit cannot be set. */
void limits_enter(const struct settings *settings, const struct place *place, bool is_prepared);
/* What is left of environments whose monitors were killed: groups with nobody in them. */
void limits_sweep(void);
/* Of an environment that has ended. */
void limits_remove(const struct place *place);

#endif
