#include "identities.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "message.h"
#include "settings.h"

#define ALL_CAPABILITIES (~0ull)

static void write_map(pid_t pid, const char *which, unsigned user, unsigned first) {
  char path[64], map[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, which);
  int size = snprintf(map, sizeof map, "0 %u 1\n1 %u %u\n", user, first, ID_COUNT - 1);
  AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, map, (size_t)size) != size) fail("map the ids", path);
}

static int hold(void *argument) {
  const int *held = argument;
  char end;
  while (read(*held, &end, 1) < 0 && errno == EINTR) {}
  _exit(0);
}

/* A namespace needs a process for as long as nobody has it open. */
int identities_make(const struct user *user) {
  int held[2];
  if (pipe2(held, O_CLOEXEC) < 0) fail("create a pipe", "");
  pid_t pid = start_sharing(hold, &held[0], CLONE_NEWUSER);
  if (pid < 0) fail("create a user namespace", "");
  write_map(pid, "uid_map", user->uid, user->first_uid);
  write_map(pid, "gid_map", user->gid, user->first_gid);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
  int namespace = open(path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0) fail("open the user namespace", path);
  /* Descriptors are not shared: its own copy of this end would keep it waiting. */
  kill(pid, SIGKILL);
  close(held[0]);
  close(held[1]);
  return namespace;
}

int identities_clone(const char *path, int namespace, uint64_t attributes) {
  int tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) fail("open", path);
  struct mount_attr attr = {
      .attr_set = attributes | MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)namespace, .propagation = MS_PRIVATE};
  if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0) fail("show with other ids", path);
  return tree;
}

static void set_effective(uint64_t wanted) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) < 0) fail("read the capabilities", "");
  data[0].effective = data[0].permitted & (uint32_t)wanted;
  data[1].effective = data[1].permitted & (uint32_t)(wanted >> 32);
  if (syscall(SYS_capset, &header, data) < 0) fail("set the capabilities", "");
}

/* What user, or group, `id` of the node is where its root is `self`: the image by the same map. */
static unsigned image(unsigned id, unsigned first, unsigned self) {
  if (id == 0) return self;
  return id < ID_COUNT ? first + id - 1 : (unsigned)-2;
}

/* To the file system we are the user, as the clone shows the user; to mount, CAP_SYS_ADMIN is all that it takes. */
static void take_rights(const struct user *user) {
  gid_t groups[GROUPS_MAX];
  for (int i = 0; i < user->group_count; i++) groups[i] = image(user->groups[i], user->first_gid, user->gid);
  if (setgroups((size_t)user->group_count, groups) < 0) fail("set the groups", "");
  setfsgid(image(user->gid, user->first_gid, user->gid));
  setfsuid(image(user->uid, user->first_uid, user->uid));
  set_effective(1ull << CAP_SYS_ADMIN);
}

static void return_rights(void) {
  set_effective(ALL_CAPABILITIES);
  setfsuid(0);
  setfsgid(0);
  if (setgroups(0, NULL) < 0) fail("set the groups", "");
}

/* An overlay has two layers at least when nothing may be written, on file systems of their own. */
static int open_overlay(const char *upper, const char *lower) {
  char layers[PATH_SIZE];
  int context = sys_fsopen("overlay", FSOPEN_CLOEXEC);
  path_print(layers, sizeof layers, "%s:%s", upper, lower);
  if (context < 0 || sys_fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", layers) < 0 ||
      sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
    fail("stack the node's files", "/");
  return context;
}

/*
 * overlayfs asks for the files of its layers with the rights that its mounter had (struct ovl_fs, creator_cred): those of
 * the user without any capability that goes past permissions. So the kernel refuses root inside what it would refuse the
 * user outside, by whatever way it is asked for.
 */
int identities_lower(const char *tree, const char *nothing, const struct user *user) {
  if (!is_weak(WEAK_LOWER)) take_rights(user);
  AUTO_CLOSE int context = open_overlay(tree, nothing);
  int lower = sys_fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
  if (lower < 0) fail("stack the node's files", "/");
  return_rights();
  return lower;
}

void identities_enter(int namespace, const struct user *user) {
  if (setgroups((size_t)user->group_count, user->groups) < 0) fail("set the groups", "");
  if (setns(namespace, CLONE_NEWUSER) < 0) fail("enter the user namespace", "");
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) fail("become root inside", "");
  /* Nobody inside may look into this process, whose memory began outside. */
  if (prctl(PR_SET_DUMPABLE, is_weak(WEAK_DUMPABLE), 0, 0, 0) < 0) fail("close this process to others", "");
}
