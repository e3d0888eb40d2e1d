#include "trees.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "message.h"

int tree_clone(const char *path, unsigned recursive, uint64_t attributes) {
  int tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT | recursive);
  struct mount_attr attr = {.attr_set = attributes, .propagation = MS_PRIVATE};
  if (tree >= 0 && sys_mount_setattr(tree, "", AT_EMPTY_PATH | recursive, &attr) < 0) {
    close(tree);
    return -1;
  }
  return tree;
}

int inside_open(int inside, const char *path) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  return sys_openat2(inside, path, &how);
}

void inside_mount(int inside, const char *path, const char *type, unsigned long flags, const char *options) {
  AUTO_CLOSE int target = inside_open(inside, path);
  /* There is no /proc of this process yet: by the directory itself. */
  AUTO_CLOSE int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target < 0 || before < 0 || fchdir(target) < 0) fail("find", path);
  if (sys_mount(type, ".", type, flags, options) < 0) fail("mount", path);
  if (fchdir(before) < 0) fail("leave", path);
}
