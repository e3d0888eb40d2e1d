/*
 * The layer belongs to the user, so the overlay's names may lie: whatever is attached inside is attached where a
 * path leads without any symbolic link, or not at all. The node's paths are the administrator's and may hold links.
 */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "launch.h"
#include "mountinfo.h"
#include "report.h"
#include "syscalls.h"

static bool is_at_or_below(const char *path, const char *directory) {
  size_t length = strlen(directory);
  if (strcmp(directory, "/") == 0) return true;
  return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static void *checked(void *memory) {
  if (!memory) fail("allocate memory", "");
  return memory;
}

/* Links resolved as the node sees it. What does not exist stays as it is and matches nothing. */
static char **canonical(const struct operation *operation) {
  char **paths = checked(calloc(operation->count + 1, sizeof *paths));
  for (uint32_t i = 0; i < operation->count; i++) {
    char *path = realpath(operation->strings[i], NULL);
    paths[i] = path ? path : operation->strings[i];
  }
  return paths;
}

void mounts_make_private(void) {
  if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make the mounts private", "/");
}

void mounts_overlay(struct mounts *mounts, const struct operation *operation) {
  plan_require(operation, 2);
  const char *options = operation->strings[1];
  if (sys_mount(operation->strings[0], "stage", "overlay", MS_NOSUID | MS_NODEV, options) < 0) fail("mount the overlay", options);
  mounts->stage = open("stage", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (mounts->stage < 0) fail("open the overlay", "stage");
}

void mounts_hide(struct mounts *mounts, const struct operation *operation) { mounts->hidden = canonical(operation); }

void mounts_exclude(struct mounts *mounts, const struct operation *operation) {
  mounts->excluded = canonical(operation);
}

/* Where `path` leads inside, without symbolic links. -1 with errno. */
static int open_inside(const struct mounts *mounts, const char *path, uint64_t flags) {
  struct open_how how = {
      .flags = O_PATH | O_CLOEXEC | flags,
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  return sys_openat2(mounts->stage, path, &how);
}

/* Nobody gets privileges through it; devices work below /dev alone. */
static int restrict_mount(int tree, const char *path) {
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE};
  if (!is_at_or_below(path, "/dev")) attr.attr_set |= MOUNT_ATTR_NODEV;
  return sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr);
}

static int clone_mount(const char *path) {
  int tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT);
  if (tree < 0 || restrict_mount(tree, path) == 0) return tree;
  close_fd(&tree);
  return -1;
}

static int attach_one(const struct mounts *mounts, const char *path) {
  AUTO_CLOSE int tree = clone_mount(path);
  if (tree < 0) return -1;
  AUTO_CLOSE int target = open_inside(mounts, path, 0);
  if (target < 0) return -1;
  return sys_move_mount(tree, target);
}

struct paths {
  const struct mounts *mounts;
  char **items;
  size_t count;
};

static bool is_left_out(const void *context, const char *path) {
  const struct paths *paths = context;
  if (is_at_or_below(path, "/proc")) return true;
  for (char **hidden = paths->mounts->hidden; hidden && *hidden; hidden++)
    if (is_at_or_below(path, *hidden)) return true;
  for (char **excluded = paths->mounts->excluded; excluded && *excluded; excluded++)
    if (is_at_or_below(path, *excluded) && strcmp(path, *excluded) != 0) return true;
  return false;
}

static void add_path(void *context, const char *path) {
  struct paths *paths = context;
  paths->items = checked(reallocarray(paths->items, paths->count + 1, sizeof *paths->items));
  paths->items[paths->count++] = checked(strdup(path));
}

static int compare_paths(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/*
 * Mount by mount, not recursively: below a mount of the node there may be one that must stay outside, another
 * job's among them. In ascending order what lies in a mount follows it.
 */
void mounts_attach(const struct mounts *mounts, const struct operation *operation) {
  struct paths paths = {.mounts = mounts};
  mountinfo_each(is_left_out, add_path, &paths);
  for (uint32_t i = 0; i < operation->count; i++) {
    AUTO_FREE char *path = realpath(operation->strings[i], NULL);
    if (!path) report_left_out(operation->strings[i]);
    else if (strcmp(path, "/") != 0 && !is_left_out(&paths, path)) add_path(&paths, path);
  }
  qsort(paths.items, paths.count, sizeof *paths.items, compare_paths);
  for (size_t i = 0; i < paths.count; i++) {
    if (i > 0 && strcmp(paths.items[i], paths.items[i - 1]) == 0) continue;
    if (attach_one(mounts, paths.items[i]) < 0) report_left_out(paths.items[i]);
  }
  for (size_t i = 0; i < paths.count; i++) free(paths.items[i]);
  free(paths.items);
}

/* A new file system that is attached nowhere yet. Its option, when there is one, is `key`=`value`. */
static int create_mount(const char *type, const char *key, const char *value, unsigned attributes) {
  AUTO_CLOSE int context = sys_fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  if (key && sys_fsconfig(context, FSCONFIG_SET_STRING, key, value) < 0) return -1;
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) < 0) return -1;
  return sys_fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | attributes);
}

/* Shows the processes of the namespace of whoever calls this, or of the node. */
void mounts_proc(struct mounts *mounts, const struct operation *operation) {
  mounts->proc = operation->count > 0 ? clone_mount("/proc") : create_mount("proc", NULL, NULL, 0);
  if (mounts->proc < 0) fail("create the environment's /proc", "/proc");
  AUTO_CLOSE int target = open_inside(mounts, "/proc", O_DIRECTORY);
  if (target < 0) report_left_out("/proc");
  else if (sys_move_mount(mounts->proc, target) < 0) fail("mount the environment's /proc", "/proc");
}

/* What cannot be reached without a symbolic link inside is not there at all: no link of a layer leads out. */
void mounts_cover(const struct mounts *mounts) {
  for (char **path = mounts->hidden; path && *path; path++) {
    AUTO_CLOSE int target = open_inside(mounts, *path, O_DIRECTORY);
    if (target < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)) continue;
    if (target < 0) fail("hide a directory of the node", *path);
    AUTO_CLOSE int empty = create_mount("tmpfs", "mode", "0", MOUNT_ATTR_RDONLY);
    if (empty < 0 || sys_move_mount(empty, target) < 0) fail("hide a directory of the node", *path);
  }
}

/* The task's programs load code from there, so nothing of the layer may stand in its place. */
void mounts_hook(const struct mounts *mounts, const struct operation *operation) {
  plan_require(operation, 1);
  const char *source = operation->strings[0];
  AUTO_CLOSE int tree = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  struct mount_attr attr = {
      .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE};
  if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0) fail("show the hook's directory", source);
  AUTO_CLOSE int target = open_inside(mounts, "/.tees", O_DIRECTORY);
  if (target < 0 || sys_move_mount(tree, target) < 0) fail("show the hook's directory", "/.tees");
}

/* pivot_root(2): with "." for both, the old root lies on the new one and is what "." unmounts. */
void mounts_pivot(const struct mounts *mounts) {
  if (fchdir(mounts->stage) < 0) fail("enter the overlay", "stage");
  if (sys_pivot_root(".", ".") < 0) fail("make the overlay the root", "stage");
  if (sys_umount2(".", MNT_DETACH) < 0) fail("leave the node's mounts", "/");
  if (chdir("/") < 0) fail("enter the new root", "/");
}
