/* The monitor of one environment: makes it, waits for its end, and removes what is left. */
#ifndef TEES_MONITOR_H
#define TEES_MONITOR_H

#include "places.h"
#include "settings.h"
#include "user.h"

/* Returns when the environment runs; what fails is told where failures go, and ends this process. */
void monitor_start(const struct settings *settings, const struct user *user, const struct place *place);

#endif
