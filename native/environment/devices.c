#include "devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "message.h"
#include "trees.h"

/* Debian's, as most others': terminals belong to it. */
#define TTY_GROUP 5
#define NODES "/dev"
#define WILD "*?["

static void make_device(int dev, const char *name, unsigned major, unsigned minor) {
  if (mknodat(dev, name, S_IFCHR | 0666, makedev(major, minor)) < 0 || fchmodat(dev, name, 0666, 0) < 0)
    fail("make the device", name);
}

static void make_link(int dev, const char *target, const char *name) {
  if (symlinkat(target, dev, name) < 0) fail("make the link", name);
}

static void make_common(int dev) {
  make_device(dev, "null", 1, 3);
  make_device(dev, "zero", 1, 5);
  make_device(dev, "full", 1, 7);
  make_device(dev, "random", 1, 8);
  make_device(dev, "urandom", 1, 9);
  make_device(dev, "tty", 5, 0);
  static const char *const DIRECTORIES[] = {"pts", "shm", "mqueue"};
  for (size_t i = 0; i < COUNT_OF(DIRECTORIES); i++)
    if (mkdirat(dev, DIRECTORIES[i], 0755) < 0) fail("make the directory", DIRECTORIES[i]);
  make_link(dev, "pts/ptmx", "ptmx");
  make_link(dev, "/proc/self/fd", "fd");
  make_link(dev, "/proc/self/fd/0", "stdin");
  make_link(dev, "/proc/self/fd/1", "stdout");
  make_link(dev, "/proc/self/fd/2", "stderr");
}

/* A place for it, when there is none of that name; -1. */
static int make_target(int dev, const char *name, mode_t mode) {
  if (S_ISDIR(mode)) {
    if (mkdirat(dev, name, 0755) < 0) return -1;
  } else {
    AUTO_CLOSE int made = openat(dev, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (made < 0) return -1;
  }
  return openat(dev, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* The node's own file, or a directory of such: who may open it the node says, as it does outside. */
static void show(int dev, const char *name) {
  char path[PATH_SIZE];
  struct stat found;
  path_print(path, sizeof path, NODES "/%s", name);
  if (lstat(path, &found) < 0 || !(S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode) || S_ISDIR(found.st_mode))) return;
  AUTO_CLOSE int tree = tree_clone(path, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  /* It may just have been taken away. */
  if (tree < 0) return;
  AUTO_CLOSE int target = make_target(dev, name, found.st_mode);
  if (target < 0 && errno == EEXIST) return;
  if (target < 0 || sys_move_mount(tree, target) < 0) fail("show the device", path);
}

static bool is_meant(const char *pattern, const char *name) {
  size_t plain = strcspn(pattern, WILD);
  return pattern[plain] && strncmp(pattern, name, plain) == 0 && fnmatch(pattern, name, FNM_PERIOD) == 0;
}

static void show_nodes(int dev, const struct settings *settings) {
  bool is_wild = false;
  for (size_t i = 0; i < settings->device_count; i++) {
    if (strpbrk(settings->devices[i], WILD)) is_wild = true;
    else show(dev, settings->devices[i]);
  }
  DIR *listing = is_wild ? opendir(NODES) : NULL;
  for (struct dirent *entry; listing && (entry = readdir(listing));)
    for (size_t i = 0; i < settings->device_count; i++)
      if (is_meant(settings->devices[i], entry->d_name)) show(dev, entry->d_name);
  if (listing) closedir(listing);
}

void devices_make(int inside, const struct settings *settings, const struct user *user) {
  char options[128];
  mode_t before = umask(0);
  snprintf(options, sizeof options, "mode=755,size=64k,nr_inodes=4096,uid=%u,gid=%u", user->uid, user->gid);
  inside_mount(inside, "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, options);
  AUTO_CLOSE int target = inside_open(inside, "dev");
  AUTO_CLOSE int dev = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dev < 0) fail("open", "/dev");
  make_common(dev);
  show_nodes(dev, settings);
  snprintf(options, sizeof options, "newinstance,ptmxmode=0666,mode=0620,gid=%u", user->first_gid + TTY_GROUP - 1);
  inside_mount(inside, "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options);
  inside_mount(inside, "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, settings->shared_memory);
  umask(before);
}
