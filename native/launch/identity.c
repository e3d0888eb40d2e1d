#include "identity.h"

#include <grp.h>
#include <stdlib.h>

#include "launch.h"
#include "report.h"

uid_t identity_uid(const struct operation *identity) {
  plan_require(identity, 2);
  return plan_number(identity->strings[0]);
}

gid_t identity_gid(const struct operation *identity) {
  plan_require(identity, 2);
  return plan_number(identity->strings[1]);
}

void identity_set_groups(const struct operation *identity) {
  plan_require(identity, 2);
  size_t count = identity->count - 2;
  AUTO_FREE gid_t *groups = calloc(count + 1, sizeof *groups);
  if (!groups) fail("allocate memory", "");
  for (size_t i = 0; i < count; i++) groups[i] = plan_number(identity->strings[i + 2]);
  if (setgroups(count, groups) < 0) fail("set the groups", "");
}
