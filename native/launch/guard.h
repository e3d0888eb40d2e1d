/*
 * A directory of the layer lies over the node's directory of the same name, with the layer's owner and mode. A layer
 * that says that /root is 0755 would lay open whatever /root protects on the node.
 */
#ifndef TEES_GUARD_H
#define TEES_GUARD_H

#include "plan.h"

/*
 * Before the overlay is mounted, in the job's directory: makes those directories of `names` opaque that would give
 * the user of `identity` rights in a directory of the node which that user has not got there. Each is reported as
 * left out.
 */
void guard_names(const struct operation *identity);

#endif
