/* Whose environment it is, as the node knows them (passwd(5), group(5), subuid(5)). */
#ifndef TEES_USER_H
#define TEES_USER_H

#include "environment.h"
#include "settings.h"

#define GROUPS_MAX 1024

struct user {
  uid_t uid;
  gid_t gid;
  char name[256];
  char home[PATH_SIZE];
  char shell[PATH_SIZE];
  int group_count;
  gid_t groups[GROUPS_MAX];
  /* Inside, id i (not 0) is subordinate id first + i - 1 of the node. */
  uid_t first_uid;
  gid_t first_gid;
};

/* Once, before any is looked for: loading what nsswitch.conf(5) names takes longer than asking it. */
void users_load(void);
/* Refuses who is unknown. */
void user_find(uid_t uid, struct user *user);
/* From /etc/subuid and /etc/subgid; otherwise some of those that the settings set apart, the same ones each time. */
void user_find_ids(const struct settings *settings, struct user *user);

/* Ids that one user can have all alike: of a subordinate id the first of its range, of others themselves. */
uid_t user_counted_as(const struct settings *settings, uid_t uid);

#endif
