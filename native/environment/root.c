#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../launch/mountinfo.h"
#include "../launch/syscalls.h"
#include "devices.h"
#include "identities.h"
#include "message.h"
#include "programs.h"
#include "trees.h"

/* Exists everywhere, and is not looked at by anybody else: what is mounted there is this process's own. */
#define INTERIM "/tmp"
#define NEW_ROOT INTERIM "/new"
#define NODE INTERIM "/node"
#define NOTHING INTERIM "/nothing"
#define MASK INTERIM "/mask"
#define LOWER INTERIM "/lower"
#define STATE INTERIM "/state"
#define PLAIN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static bool is_at_or_below(const char *path, const char *directory) {
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static void attach(int tree, const char *path) {
  AUTO_CLOSE int target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0 || sys_move_mount(tree, target) < 0) fail("mount", path);
  close(tree);
}

/* What the node has mounted below its root stays as it is, with the user's own rights: not shown with other ids. */
static bool is_left_out(const void *context, const char *path) {
  const struct root *root = context;
  static const char *const OWN[] = {"/proc", "/sys", "/dev", "/run", "/tmp"};
  if (strcmp(path, "/") == 0 || is_at_or_below(path, root->settings->directory)) return true;
  for (size_t i = 0; i < COUNT_OF(OWN); i++)
    if (is_at_or_below(path, OWN[i])) return true;
  return false;
}

static void add_bind(struct root *root, const char *path, unsigned recursive, bool may_be_missing) {
  if (root->bind_count == COUNT_OF(root->binds)) return;
  int tree = tree_clone(path, recursive, PLAIN);
  if (tree < 0 && may_be_missing) return;
  if (tree < 0) fail("carry in", path);
  char *kept = strdup(path);
  if (!kept) fail("allocate memory", "");
  root->binds[root->bind_count].path = kept;
  root->binds[root->bind_count++].tree = tree;
}

static void add_mount(void *context, const char *path) { add_bind(context, path, 0, true); }

/* A system user's home is root's: /bin, or /. */
static bool is_own_home(const char *path) {
  struct stat found;
  return stat(path, &found) == 0 && found.st_uid != 0;
}

static void add_named_bind(struct root *root, const char *name) {
  bool is_home = strcmp(name, "~") == 0, may_be_missing = is_home || *name == '?';
  const char *path = is_home ? root->user->home : *name == '?' ? name + 1 : name;
  AUTO_FREE char *real = realpath(path, NULL);
  if (!real && !may_be_missing) fail("carry in", path);
  if (real && strcmp(real, "/") != 0 && (!is_home || is_own_home(real))) add_bind(root, real, AT_RECURSIVE, may_be_missing);
}

static int compare_binds(const void *a, const void *b) {
  return strcmp(((const struct bind *)a)->path, ((const struct bind *)b)->path);
}

static void add_binds(struct root *root) {
  mountinfo_each(is_left_out, add_mount, root);
  for (size_t i = 0; i < root->settings->bind_count; i++) add_named_bind(root, root->settings->binds[i]);
  /* What lies in a mount follows it. */
  qsort(root->binds, root->bind_count, sizeof *root->binds, compare_binds);
}

struct overlay {
  const struct root *root;
  int fd;
};

static int make_overlay_inside(void *argument) {
  struct overlay *overlay = argument;
  const struct root *root = overlay->root;
  identities_enter(root->namespace, root->user);
  if (unshare(CLONE_NEWNS) < 0) fail("create a mount namespace", "");
  int context = sys_fsopen("overlay", FSOPEN_CLOEXEC);
  if (context < 0 || sys_fsconfig(context, FSCONFIG_SET_FLAG, "userxattr", NULL) < 0 ||
      sys_fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", MASK ":" LOWER) < 0 ||
      sys_fsconfig(context, FSCONFIG_SET_STRING, "upperdir", STATE "/upper") < 0 ||
      sys_fsconfig(context, FSCONFIG_SET_STRING, "workdir", STATE "/work") < 0 ||
      sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
    fail("mount the overlay of the environment", root->place->name);
  int mounted = sys_fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
  if (mounted < 0) fail("mount the overlay of the environment", root->place->name);
  close(context);
  /* It does not refuse to mount where it has no room for its work; who is in it could not even remove something. */
  struct statvfs found;
  if (fstatvfs(mounted, &found) == 0 && (found.f_flag & ST_RDONLY)) {
    errno = ENOSPC;
    fail("mount the overlay of the environment", root->place->name);
  }
  overlay->fd = mounted;
  _exit(0);
}

/* The overlay belongs to the environment's user namespace: made by a process of it, which shares descriptors with this one. */
static int make_overlay(const struct root *root) {
  struct overlay overlay = {.root = root, .fd = -1};
  if (start_sharing(make_overlay_inside, &overlay, CLONE_FILES | CLONE_VFORK) < 0) fail("start a process", "");
  /* It has let go of this memory, and is not waited for: its mounts take their time to go. */
  if (overlay.fd < 0) _exit(STATUS_FAILED); /* and has said why */
  return overlay.fd;
}

/* Where the layers are, until the new root is entered: before Linux 6.15 overlayfs takes no layer that is not mounted here. */
static void make_interim(void) {
  if (unshare(CLONE_NEWNS) < 0) fail("create a mount namespace", "");
  if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make the mounts private", "/");
  if (sys_mount("tees", INTERIM, "tmpfs", 0, "size=32k,mode=0755") < 0) fail("mount", INTERIM);
  static const char *const PLACES[] = {NEW_ROOT, NODE, NOTHING, MASK, LOWER, STATE};
  for (size_t i = 0; i < COUNT_OF(PLACES); i++) make_directory(PLACES[i], 0755);
}

void root_prepare(struct root *root) {
  int mask = identities_clone(root->mask, root->namespace, MOUNT_ATTR_RDONLY | PLAIN);
  int node = identities_clone("/", root->namespace, MOUNT_ATTR_RDONLY | PLAIN);
  int state = tree_clone(root->place->path, 0, MOUNT_ATTR_NODEV);
  if (state < 0) fail("open", root->place->path);
  int sys = tree_clone("/sys", AT_RECURSIVE, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | PLAIN);
  if (sys < 0) fail("open", "/sys");
  add_binds(root);
  root->enter_program = tree_clone(root->settings->enter_program, 0, MOUNT_ATTR_RDONLY | PLAIN);
  if (root->enter_program < 0) fail("open", root->settings->enter_program);
  char upper[PATH_SIZE + 16];
  path_print(upper, sizeof upper, "%s/upper", root->place->path);
  root->upper = tree_clone(upper, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | PLAIN);
  if (root->upper < 0) fail("open", upper);
  make_interim();
  attach(node, NODE);
  attach(identities_lower(NODE, NOTHING, root->user), LOWER);
  root->lower_view = tree_clone(LOWER, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | PLAIN);
  if (root->lower_view < 0) fail("open", LOWER);
  attach(mask, MASK);
  attach(state, STATE);
  attach(make_overlay(root), NEW_ROOT);
  if (chdir(NEW_ROOT) < 0) fail("enter", NEW_ROOT);
  root->inside = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root->inside < 0) fail("open", NEW_ROOT);
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
  AUTO_CLOSE int target = sys_openat2(root->inside, "sys", &how);
  if (target < 0 || sys_move_mount(sys, target) < 0) fail("mount", "/sys");
  close(sys);
}

static void show(int run, const char *name, int tree) {
  if (mkdirat(run, name, 0755) < 0) fail("show", name);
  AUTO_CLOSE int target = openat(run, name, O_PATH | O_CLOEXEC);
  if (target < 0 || sys_move_mount(tree, target) < 0) fail("show", name);
  close(tree);
}

static void make_run(const struct root *root) {
  char options[128];
  snprintf(options, sizeof options, "mode=755,size=64m,uid=%u,gid=%u", root->user->uid, root->user->gid);
  inside_mount(root->inside, "run", "tmpfs", MS_NOSUID | MS_NODEV, options);
  AUTO_CLOSE int target = inside_open(root->inside, "run");
  AUTO_CLOSE int run = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (run < 0 || mkdirat(run, "lock", 01777) < 0 || fchmodat(run, "lock", 01777, 0) < 0) fail("fill", "/run");
  programs_show(run, root->enter_program, root->settings->is_pbs);
  show(run, INNER_UPPER_NAME, root->upper);
  show(run, INNER_LOWER_NAME, root->lower_view);
}

/* Below /run and /home directories are made for what is bound there; elsewhere what has no place is left out. */
static int make_target(const struct root *root, const char *path) {
  int target = inside_open(root->inside, path);
  if (target >= 0 || errno != ENOENT) return target;
  if (!is_at_or_below(path, "/run") && !is_at_or_below(path, root->user->home)) return -1;
  char partial[PATH_SIZE];
  for (const char *slash = strchr(path + 1, '/'); ; slash = strchr(slash + 1, '/')) {
    size_t length = slash ? (size_t)(slash - path) : strlen(path);
    memcpy(partial, path, length);
    partial[length] = '\0';
    char *name = strrchr(partial, '/');
    *name++ = '\0';
    AUTO_CLOSE int parent = inside_open(root->inside, *partial ? partial : "/");
    if (parent < 0) return -1;
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST) return -1;
    if (!slash) break;
  }
  return inside_open(root->inside, path);
}

static void attach_binds(struct root *root) {
  for (size_t i = 0; i < root->bind_count; i++) {
    AUTO_CLOSE int target = make_target(root, root->binds[i].path);
    if (target >= 0) sys_move_mount(root->binds[i].tree, target);
    close(root->binds[i].tree);
  }
}

void root_enter(struct root *root) {
  inside_mount(root->inside, "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  devices_make(root->inside, root->settings, root->user);
  make_run(root);
  attach_binds(root);
  /* The layers' mounts go with the node's, at once: each unmounting waits for all processors (RCU). */
  if (chdir(NEW_ROOT) < 0 || sys_pivot_root(".", ".") < 0 || sys_umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
    fail("enter the environment's root", root->place->name);
  close(root->inside);
}
