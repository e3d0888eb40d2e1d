#include "guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "identity.h"
#include "launch.h"
#include "report.h"
#include "syscalls.h"

#define RIGHTS (R_OK | W_OK | X_OK)

struct guard {
  uid_t uid;
  char path[PATH_MAX]; /* inside, for messages */
};

/* By the kernel's own judgement, access control lists included: setfsuid(2) takes the file capabilities with it. */
static bool user_may(const struct guard *guard, int directory, int right) {
  setfsuid(guard->uid);
  bool may = sys_faccessat2(directory, "", right, AT_EACCESS | AT_EMPTY_PATH) == 0;
  setfsuid(0);
  return may;
}

/* An owner can give himself any right. Writing goes to the upper layer and is nothing that the node loses. */
static bool gives_more(const struct guard *guard, int names, int node) {
  struct stat found;
  if (fstat(names, &found) < 0) fail("examine the names layer", guard->path);
  bool owns = found.st_uid == guard->uid;
  for (int right = R_OK; right & RIGHTS; right >>= 1) {
    if (right == W_OK || user_may(guard, node, right)) continue;
    if (owns || user_may(guard, names, right)) return true;
  }
  return false;
}

static bool is_opaque(int directory) {
  char value[4];
  return fgetxattr(directory, "trusted.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

static void close_directory(DIR **directory) {
  if (*directory) closedir(*directory);
}

/* In a directory under which nothing lies, overlayfs lists a whiteout: see names.cc. */
static void remove_whiteouts(const struct guard *guard, int directory) {
  DIR *listing __attribute__((cleanup(close_directory))) = fdopendir(dup(directory));
  if (!listing) fail("read the names layer", guard->path);
  for (struct dirent *entry; (entry = readdir(listing));) {
    struct stat found;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (fstatat(directory, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (S_ISCHR(found.st_mode)) unlinkat(directory, entry->d_name, 0);
    if (!S_ISDIR(found.st_mode)) continue;
    AUTO_CLOSE int child = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child >= 0) remove_whiteouts(guard, child);
  }
}

static void visit(struct guard *guard, int names, int node, size_t length);

static void visit_child(struct guard *guard, int names, int node, const char *name, size_t length) {
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  AUTO_CLOSE int node_child = openat(node, name, flags);
  if (node_child < 0) return; /* the node has nothing there that could be laid open */
  int added = snprintf(guard->path + length, sizeof guard->path - length, "/%s", name);
  if (added >= (int)(sizeof guard->path - length)) return; /* nor can anybody name it */
  AUTO_CLOSE int names_child = openat(names, name, flags);
  if (names_child < 0) fail("open the names layer", guard->path);
  if (is_opaque(names_child)) return;
  if (!gives_more(guard, names_child, node_child)) {
    visit(guard, names_child, node_child, length + (size_t)added);
    return;
  }
  if (fsetxattr(names_child, "trusted.overlay.opaque", "y", 1, 0) < 0) fail("hide the node's directory", guard->path);
  remove_whiteouts(guard, names_child);
  errno = EACCES;
  report_left_out(guard->path);
}

/* Only where both have a directory: what only the layer has is the user's own. */
static void visit(struct guard *guard, int names, int node, size_t length) {
  DIR *listing __attribute__((cleanup(close_directory))) =
      fdopendir(openat(names, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listing) fail("read the names layer", guard->path);
  for (struct dirent *entry; (entry = readdir(listing));) {
    if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) continue;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    visit_child(guard, names, node, entry->d_name, length);
    guard->path[length] = '\0';
  }
}

void guard_names(const struct operation *identity) {
  struct guard guard = {.uid = identity_uid(identity)};
  if (guard.uid == 0) return;
  /* Without the mounts below it, as the overlay sees it. */
  AUTO_CLOSE int node = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (node < 0) fail("open the node's root", "/");
  AUTO_CLOSE int root = openat(node, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  AUTO_CLOSE int names = open("names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (root < 0 || names < 0) fail("open the names layer", "/");
  identity_set_groups(identity);
  setfsgid(identity_gid(identity));
  visit(&guard, names, root, 0);
  setfsgid(0);
}
