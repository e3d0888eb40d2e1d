/*
 * What tees-enter is inside of an environment, by other names: sudo and su make root of the user; the commands of resource
 * managers, which ask the kernel who submits, make the user of root.
 */
#ifndef TEES_INNER_H
#define TEES_INNER_H

#include <stdbool.h>

/* Of the node's, those that a user's jobs are submitted, seen and ended by: a NULL is behind the last. */
extern const char *const SUBMIT_PROGRAMS[];
/* Before those of the node, in every PATH that root has. */
#define SUBMIT_DIRECTORY "/usr/local/sbin"

/* False: NAME is none of these. The command to run, or NULL for a shell, and as whom. */
bool inner_read(const char *name, int count, char **arguments, char ***command, bool *as_user);

#endif
