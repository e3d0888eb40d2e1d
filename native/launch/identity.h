/* The task's user and groups, as OP_IDENTITY gives them. Each fails on a malformed one. */
#ifndef TEES_IDENTITY_H
#define TEES_IDENTITY_H

#include <sys/types.h>

#include "plan.h"

uid_t identity_uid(const struct operation *identity);
gid_t identity_gid(const struct operation *identity);
/* setgroups(2) of this process. */
void identity_set_groups(const struct operation *identity);

#endif
