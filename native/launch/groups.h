/*
 * What one user may take of the node, by control groups of either version: ROOT/USER is limited, with a group in it, ROOT/USER/NAME, for
 * each environment or job.
 */
#ifndef TEES_GROUPS_H
#define TEES_GROUPS_H

#include <stdbool.h>

struct group {
  const char *root; /* a directory of the hierarchy's own */
  const char *user;
  const char *name;
};

/*
 * This process, and what it starts, is in it from now on, and the user's is limited: memory in bytes, a number of processes; "" for
 * unlimited. False where a limit cannot be set.
 */
bool groups_enter(const struct group *group, const char *memory, const char *processes);
/* The two halves of that, for who makes it while another has other things to do. False: as above; or it has gone meanwhile. */
bool groups_prepare(const struct group *group, const char *memory, const char *processes);
bool groups_join(const struct group *group, const char *memory, const char *processes);
/* When nobody is in it any more; those above it, too, when it was the last. */
void groups_remove(const struct group *group);
/* Those with nobody in them, which were left by processes that were killed. */
void groups_sweep(const char *root);

#endif
