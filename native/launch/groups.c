#include "groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"

#define ROOT "/sys/fs/cgroup"
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

/* A path of names that each are short. */
static void ours(const struct controller *controller, const char *root, char *path) {
  snprintf(path, PATH_MAX, ROOT "/%s/%s", is_version_2() ? "" : controller->name, root);
}

static void append(char *path, const char *format, const char *name) {
  size_t size = strlen(path);
  snprintf(path + size, PATH_MAX - size, format, name);
}

static void make_group(const char *path) {
  char file[PATH_MAX + 32];
  mkdir(path, 0755);
  /* What is below counts: version 2 has to be told so, and old kernels of version 1. */
  snprintf(file, sizeof file, "%s/%s", path, is_version_2() ? "cgroup.subtree_control" : "memory.use_hierarchy");
  write_file(file, is_version_2() ? "+memory +pids" : "1");
}

static void path_of(const struct controller *controller, const struct group *group, char *path) {
  ours(controller, group->root, path);
  append(path, "/%s", group->user);
  append(path, "/%s", group->name);
}

static bool prepare(const struct controller *controller, const struct group *group, const char *value) {
  char path[PATH_MAX], file[PATH_MAX + 64];
  ours(controller, group->root, path);
  if (is_version_2()) write_file(ROOT "/cgroup.subtree_control", "+memory +pids");
  make_group(path);
  append(path, "/%s", group->user);
  make_group(path);
  snprintf(file, sizeof file, "%s/%s", path, is_version_2() ? controller->new_file : controller->old_file);
  if (!write_file(file, value)) return false;
  append(path, "/%s", group->name);
  return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static bool join(const struct controller *controller, const struct group *group) {
  char path[PATH_MAX];
  path_of(controller, group, path);
  append(path, "/%s", members());
  return write_file(path, "0");
}

bool groups_prepare(const struct group *group, const char *memory, const char *processes) {
  return (!*memory || prepare(&MEMORY, group, memory)) && (!*processes || prepare(&PROCESSES, group, processes));
}

bool groups_join(const struct group *group, const char *memory, const char *processes) {
  return (!*memory || join(&MEMORY, group)) && (!*processes || join(&PROCESSES, group));
}

bool groups_enter(const struct group *group, const char *memory, const char *processes) {
  /* The end of another one may take the user's group away before this one is in it. */
  for (int attempt = 0; attempt < ATTEMPTS; attempt++)
    if (groups_prepare(group, memory, processes) && groups_join(group, memory, processes)) return true;
  return false;
}

static void remove_group(const struct controller *controller, const struct group *group) {
  char path[PATH_MAX];
  path_of(controller, group, path);
  rmdir(path);
  /* Where the user has others, or others have theirs, this fails, and nothing else happens. */
  for (int level = 0; level < 2; level++) {
    *strrchr(path, '/') = '\0';
    rmdir(path);
  }
}

void groups_remove(const struct group *group) {
  remove_group(&MEMORY, group);
  remove_group(&PROCESSES, group);
}

/* Of the groups below `path`, down to so many levels, those with nobody in them. */
static void sweep(const char *path, int levels) {
  DIR *listing = levels > 0 ? opendir(path) : NULL;
  for (struct dirent *entry; listing && (entry = readdir(listing));) {
    char group[PATH_MAX + 300];
    if (entry->d_type != DT_DIR || *entry->d_name == '.') continue;
    snprintf(group, sizeof group, "%s/%s", path, entry->d_name);
    sweep(group, levels - 1);
    rmdir(group);
  }
  if (listing) closedir(listing);
}

void groups_sweep(const char *root) {
  char path[PATH_MAX];
  ours(&MEMORY, root, path);
  sweep(path, 2);
  ours(&PROCESSES, root, path);
  sweep(path, 2);
}
