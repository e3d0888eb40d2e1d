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
#define ATTEMPTS 8

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

/*
 * This process is its only thread. A thread that moves itself need not keep all others from forking meanwhile, for which the
 * kernel waits for all processors (cgroup_threadgroup_rwsem): several milliseconds. Version 2 moves whole processes only.
 */
static const char *members(void) { return is_version_2() ? "cgroup.procs" : "tasks"; }

/* Of all environments: each user has a group there, which is limited, with one in it for each environment. */
static void ours(const struct controller *controller, char *path) {
  path_print(path, PATH_SIZE, ROOT "/%s/" OURS, is_version_2() ? "" : controller->name);
}

static void make_group(const char *path) {
  char file[PATH_SIZE + 32];
  mkdir(path, 0755);
  /* What is below counts: version 2 has to be told so, and old kernels of version 1. */
  path_print(file, sizeof file, "%s/%s", path, is_version_2() ? "cgroup.subtree_control" : "memory.use_hierarchy");
  write_file(file, is_version_2() ? "+memory +pids" : "1");
}

static bool enter(const struct controller *controller, const struct place *place, const char *value) {
  char group[PATH_SIZE], file[PATH_SIZE + 64];
  ours(controller, group);
  if (is_version_2()) write_file(ROOT "/cgroup.subtree_control", "+memory +pids");
  make_group(group);
  size_t size = strlen(group);
  path_print(group + size, sizeof group - size, "/%u", place->uid);
  make_group(group);
  path_print(file, sizeof file, "%s/%s", group, is_version_2() ? controller->new_file : controller->old_file);
  if (!write_file(file, value)) return false;
  size = strlen(group);
  path_print(group + size, sizeof group - size, "/%s", place->name);
  mkdir(group, 0755);
  path_print(file, sizeof file, "%s/%s", group, members());
  return write_file(file, "0");
}

static void limit(const struct controller *controller, const struct place *place, const char *value) {
  if (!*value) return;
  /* The end of another one may take the user's group away before this one is in it. */
  for (int attempt = 0; attempt < ATTEMPTS; attempt++)
    if (enter(controller, place, value)) return;
  refuse("LIMITS_UNENFORCEABLE", "this node cannot enforce the limits of environments",
         "It needs the control group controllers memory and pids; or set environments.memory and environments.processes to none.");
}

void limits_enter(const struct settings *settings, const struct place *place) {
  limit(&MEMORY, place, settings->memory);
  limit(&PROCESSES, place, settings->processes);
}

static void remove_group(const struct controller *controller, const struct place *place) {
  char group[PATH_SIZE];
  ours(controller, group);
  size_t size = strlen(group);
  path_print(group + size, sizeof group - size, "/%u/%s", place->uid, place->name);
  rmdir(group);
  /* Where the user has others, this fails, and nothing else happens. */
  *strrchr(group, '/') = '\0';
  rmdir(group);
}

void limits_remove(const struct place *place) {
  remove_group(&MEMORY, place);
  remove_group(&PROCESSES, place);
}

/* Of the groups below `path`, down to so many levels, those with nobody in them. */
static void sweep(const char *path, int levels) {
  DIR *listing = levels > 0 ? opendir(path) : NULL;
  for (struct dirent *entry; listing && (entry = readdir(listing));) {
    char group[PATH_SIZE];
    if (entry->d_type != DT_DIR || *entry->d_name == '.') continue;
    path_print(group, sizeof group, "%s/%s", path, entry->d_name);
    sweep(group, levels - 1);
    rmdir(group);
  }
  if (listing) closedir(listing);
}

void limits_sweep(void) {
  char path[PATH_SIZE];
  ours(&MEMORY, path);
  sweep(path, 2);
  ours(&PROCESSES, path);
  sweep(path, 2);
}
