/* /run/tees-bin of an environment: tees-enter by the names that people know (inner.h; mask.c has others). */
#ifndef TEES_PROGRAMS_H
#define TEES_PROGRAMS_H

#include <stdbool.h>

/* In `run`, the environment's. Closes `enter_program`, a mount of its own. */
void programs_show(int run, int enter_program, bool for_pbs);

#endif
