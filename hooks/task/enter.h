/* A task's way into its environment, in two steps: as root, and as its user. */
#ifndef TEES_ENTER_H
#define TEES_ENTER_H

#include "door.h"

/* Root's rights stay with the process when it becomes its user, and are in effect for nothing. NULL, or what is wrong. */
const char *enter_prepare(const struct way *way);
/*
 * Goes in, and gives up every right that the user has not, for good. In `wanted` when the directory in which it was is none
 * of the node's, as Slurm has put it into /tmp then.
 */
const char *enter_now(struct way *way, const char *wanted);
/*
 * What a variable of the way becomes where the job has `theirs`, or NULL: of libraries nothing is lost, and none is
 * there twice, as a step of a batch script has been through here before. Until the next call.
 */
const char *enter_variable(const char *name, const char *value, const char *theirs);

#endif
