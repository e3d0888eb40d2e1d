#include "limits.h"

#include <stdio.h>

#include "../launch/groups.h"
#include "message.h"

#define ROOT "tees-environments"

static struct group group_of(const struct place *place, char user[16]) {
  snprintf(user, 16, "%u", place->uid);
  return (struct group){ROOT, user, place->name};
}

bool limits_prepare(const struct settings *settings, const struct place *place) {
  char user[16];
  struct group group = group_of(place, user);
  return groups_prepare(&group, settings->memory, settings->processes);
}

void limits_enter(const struct settings *settings, const struct place *place, bool is_prepared) {
  char user[16];
  struct group group = group_of(place, user);
  if (is_prepared && groups_join(&group, settings->memory, settings->processes)) return;
  if (groups_enter(&group, settings->memory, settings->processes)) return;
  refuse("LIMITS_UNENFORCEABLE", "this node cannot enforce the limits of environments",
         "It needs the control group controllers memory and pids; or set environments.memory and environments.processes to none.");
}

void limits_remove(const struct place *place) {
  char user[16];
  struct group group = group_of(place, user);
  groups_remove(&group);
}

void limits_sweep(void) { groups_sweep(ROOT); }
