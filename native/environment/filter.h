/* What a session's processes may not ask the kernel for: nothing of launch/filter.h is allowed. */
#ifndef TEES_ENVIRONMENT_FILTER_H
#define TEES_ENVIRONMENT_FILTER_H

#include <stdbool.h>

/* With `spares_users` it may be called once more: user namespaces are not refused yet. */
void filter_inside(bool spares_users);

#endif
