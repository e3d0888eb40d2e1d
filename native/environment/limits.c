#include "limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

#define ROOT "/sys/fs/cgroup"
#define OURS "tees-environments"

/* Version 1 has a hierarchy for each controller, version 2 one for all. */
struct controller {
  const char *name;
  const char *old_file, *new_file;
};
static const struct controller MEMORY = {"memory", "memory.limit_in_bytes", "memory.max"};
static const struct controller PROCESSES = {"pids", "pids.max", "pids.max"};

static bool write_file(const char *path, const char *text) {
  AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
  return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool is_version_2(void) { return access(ROOT "/cgroup.controllers", F_OK) == 0; }

/* Of the environment; the directory above it is made, too. */
static void group_of(const struct controller *controller, const struct place *place, char *path, bool make) {
  const char *hierarchy = is_version_2() ? "" : controller->name;
  int size = path_print(path, PATH_SIZE, ROOT "/%s/" OURS, hierarchy);
  if (make) mkdir(path, 0755);
  if (make && is_version_2()) {
    char file[PATH_SIZE + 32];
    write_file(ROOT "/cgroup.subtree_control", "+memory +pids");
    path_print(file, sizeof file, "%s/cgroup.subtree_control", path);
    write_file(file, "+memory +pids");
  }
  snprintf(path + size, PATH_SIZE - (size_t)size, "/%s", place->socket);
  if (make) mkdir(path, 0755);
}

static void limit(const struct controller *controller, const struct place *place, const char *value) {
  char group[PATH_SIZE], file[PATH_SIZE + 64];
  if (!*value) return;
  group_of(controller, place, group, true);
  path_print(file, sizeof file, "%s/%s", group, is_version_2() ? controller->new_file : controller->old_file);
  bool is_set = write_file(file, value);
  path_print(file, sizeof file, "%s/cgroup.procs", group);
  if (is_set && write_file(file, "0")) return;
  refuse("LIMITS_UNENFORCEABLE", "this node cannot enforce the limits of environments",
         "It needs the control group controllers memory and pids; or set environments.memory and environments.processes to none.");
}

void limits_enter(const struct settings *settings, const struct place *place) {
  limit(&MEMORY, place, settings->memory);
  limit(&PROCESSES, place, settings->processes);
}

static void leave(const struct controller *controller, const char *value) {
  char file[PATH_SIZE];
  if (!*value) return;
  path_print(file, sizeof file, ROOT "/%s/cgroup.procs", is_version_2() ? "" : controller->name);
  write_file(file, "0");
}

void limits_leave(const struct settings *settings) {
  leave(&MEMORY, settings->memory);
  leave(&PROCESSES, settings->processes);
}

void limits_remove(const struct place *place) {
  char group[PATH_SIZE];
  group_of(&MEMORY, place, group, false);
  rmdir(group);
  group_of(&PROCESSES, place, group, false);
  rmdir(group);
}

static void sweep(const struct controller *controller) {
  char path[PATH_SIZE];
  path_print(path, sizeof path, ROOT "/%s/" OURS, is_version_2() ? "" : controller->name);
  DIR *listing = opendir(path);
  /* Where somebody is in one, this fails, and nothing else happens. */
  for (struct dirent *entry; listing && (entry = readdir(listing));)
    if (*entry->d_name != '.') unlinkat(dirfd(listing), entry->d_name, AT_REMOVEDIR);
  if (listing) closedir(listing);
}

void limits_sweep(void) {
  sweep(&MEMORY);
  sweep(&PROCESSES);
}
