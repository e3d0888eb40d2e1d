#include "user.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "message.h"

#define SWITCH "/etc/nsswitch.conf"

/* Nothing is asked of them here: what they open for an answer belongs to who has asked. */
void users_load(void) {
  char line[512], library[300];
  FILE *file = fopen(SWITCH, "re");
  while (file && fgets(line, sizeof line, file)) {
    char *rest = NULL, *database = strtok_r(line, " \t\n:", &rest);
    if (!database || (strcmp(database, "passwd") != 0 && strcmp(database, "group") != 0 && strcmp(database, "initgroups") != 0)) continue;
    for (char *source; (source = strtok_r(NULL, " \t\n:", &rest));) {
      if (*source == '#') break;
      snprintf(library, sizeof library, "libnss_%s.so.2", source);
      if (isalnum((unsigned char)*source) && !strchr(source, '/')) dlopen(library, RTLD_NOW);
    }
  }
  if (file) fclose(file);
}

static void copy(char *to, size_t size, const char *from) {
  if (snprintf(to, size, "%s", from) >= (int)size) {
    errno = ENAMETOOLONG;
    fail("use what the node says of the user", from);
  }
}

void user_find(uid_t uid, struct user *user) {
  struct passwd *found = getpwuid(uid);
  if (!found) refuse("USER_UNKNOWN", "this node does not know who you are", "Are you in passwd(5) here?");
  *user = (struct user){.uid = uid, .gid = found->pw_gid, .group_count = GROUPS_MAX};
  copy(user->name, sizeof user->name, found->pw_name);
  copy(user->home, sizeof user->home, found->pw_dir);
  copy(user->shell, sizeof user->shell, found->pw_shell && *found->pw_shell ? found->pw_shell : "/bin/sh");
  if (getgrouplist(user->name, user->gid, user->groups, &user->group_count) < 0) user->group_count = GROUPS_MAX;
}

/* NAME:FIRST:COUNT lines, the name may be a number. 0 where there is no range that is large enough. */
static uint32_t range_of(const char *path, const struct user *user) {
  char line[512], number[16];
  uint32_t first = 0;
  snprintf(number, sizeof number, "%u", user->uid);
  FILE *file = fopen(path, "re");
  while (file && first == 0 && fgets(line, sizeof line, file)) {
    char *rest = NULL, *name = strtok_r(line, ":", &rest), *start = strtok_r(NULL, ":", &rest);
    char *count = strtok_r(NULL, ":\n", &rest);
    if (!count || (strcmp(name, user->name) != 0 && strcmp(name, number) != 0)) continue;
    if (strtoul(count, NULL, 10) >= ID_COUNT - 1) first = (uint32_t)strtoul(start, NULL, 10);
  }
  if (file) fclose(file);
  return first;
}

/* One line "UID FIRST" for each user who has been given a range; ranges are never given twice. */
static uint32_t own_range(const struct settings *settings, uid_t uid) {
  char path[PATH_SIZE], line[64];
  path_print(path, sizeof path, "%s/ids", settings->directory);
  AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0 || flock(fd, LOCK_EX) < 0) fail("open the subordinate ids", path);
  FILE *file = fdopen(dup(fd), "r");
  if (!file) fail("read the subordinate ids", path);
  uint32_t next = settings->id_base, found = 0;
  while (fgets(line, sizeof line, file)) {
    unsigned whose, first;
    if (sscanf(line, "%u %u", &whose, &first) != 2) continue;
    if (whose == uid) found = first;
    if (first >= next) next = first + ID_COUNT;
  }
  fclose(file);
  if (found != 0) return found;
  if (next == 0 || settings->id_end < ID_COUNT || next > settings->id_end - ID_COUNT)
    refuse("SUBORDINATE_IDS_MISSING", "no subordinate ids are left for you on this node",
           "An administrator gives you 65536 of them in /etc/subuid and /etc/subgid, or more to environments.ids.");
  int size = snprintf(line, sizeof line, "%u %u\n", uid, next);
  if (write(fd, line, (size_t)size) != size || fsync(fd) < 0) fail("note the subordinate ids", path);
  return next;
}

void user_find_ids(const struct settings *settings, struct user *user) {
  user->first_uid = range_of("/etc/subuid", user);
  user->first_gid = range_of("/etc/subgid", user);
  if (user->first_uid == 0 || user->first_gid == 0) user->first_uid = user->first_gid = own_range(settings, user->uid);
}

uid_t user_counted_as(const struct settings *settings, uid_t uid) {
  char line[512];
  if (uid >= settings->id_base && uid < settings->id_end) return uid - (uid - settings->id_base) % ID_COUNT;
  FILE *file = fopen("/etc/subuid", "re");
  while (file && fgets(line, sizeof line, file)) {
    unsigned first, count;
    if (sscanf(line, "%*[^:]:%u:%u", &first, &count) != 2 || uid < first || uid - first >= count) continue;
    uid = first;
    break;
  }
  if (file) fclose(file);
  return uid;
}
