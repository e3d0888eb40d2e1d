#include "mask.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "inner.h"
#include "message.h"
#include "places.h"

/* Ids from here on are people's. What they keep to themselves, or share in groups, needs no stand-in. */
#define FIRST_PERSON 1000
#define POLICY "/usr/sbin/policy-rc.d"

struct walk {
  int mask;          /* the new layer */
  dev_t device;      /* other file systems are no part of the lower layer */
  ino_t own;         /* where masks and environments are kept is not looked into */
  char path[PATH_SIZE]; /* of what is looked at, from the root */
};

/* What it was made from: packages come and go, and users; and by what. */
static const char *const SOURCES[] = {"/etc/passwd", "/etc/group", "/var/lib/dpkg/status", "/var/lib/rpm", "/proc/self/exe"};

static void give(int fd, const struct stat *as) {
  if (fchown(fd, as->st_uid, as->st_gid) < 0 || fchmod(fd, as->st_mode & 07777) < 0) fail("own the stand-in", "");
}

/* The directories above `walk->path`, as they are on the node. The descriptor of the last. */
static int open_parent(const struct walk *walk) {
  int parent = dup(walk->mask);
  char part[PATH_SIZE];
  for (const char *slash = strchr(walk->path + 1, '/'); parent >= 0 && slash; slash = strchr(slash + 1, '/')) {
    path_print(part, sizeof part, "%.*s", (int)(slash - walk->path), walk->path);
    const char *name = strrchr(part, '/') + 1;
    struct stat found;
    bool made = mkdirat(parent, name, 0700) == 0;
    int next = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made && next >= 0 && stat(part, &found) == 0) give(next, &found);
    close(parent);
    parent = next;
  }
  if (parent < 0) fail("make the mask", walk->path);
  return parent;
}

/* NAME:… lines of `from`, each by `format` with the name and, of groups, the members. */
static void synthesise(FILE *to, const char *from, const char *password, bool groups) {
  char line[65536];
  FILE *file = fopen(from, "re");
  while (file && fgets(line, sizeof line, file)) {
    char *rest = line, *name = strsep(&rest, ":");
    strsep(&rest, ":");
    strsep(&rest, ":");
    char *members = rest ? strsep(&rest, ":\n") : "";
    if (*name == '\0' || *name == '#' || *name == '+' || *name == '-') continue;
    if (groups) fprintf(to, "%s:%s::%s\n", name, password, members);
    else fprintf(to, "%s:%s:19000:0:99999:7:::\n", name, password);
  }
  if (file) fclose(file);
}

static void fill(FILE *to, const char *path) {
  if (strcmp(path, "/etc/shadow") == 0 || strcmp(path, "/etc/shadow-") == 0) synthesise(to, "/etc/passwd", "*", false);
  else if (strcmp(path, "/etc/gshadow") == 0 || strcmp(path, "/etc/gshadow-") == 0) synthesise(to, "/etc/group", "*", true);
  else if (strcmp(path, "/etc/sudoers") == 0)
    fputs("Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n", to);
}

static void add_file(const struct walk *walk, const struct stat *found, const char *content) {
  AUTO_CLOSE int parent = open_parent(walk);
  int fd = openat(parent, strrchr(walk->path, '/') + 1, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) fail("make the stand-in", walk->path);
  give(fd, found);
  FILE *file = fdopen(fd, "w");
  if (!file) fail("write the stand-in", walk->path);
  if (content) fputs(content, file);
  else fill(file, walk->path);
  if (fclose(file) != 0) fail("write the stand-in", walk->path);
}

static void add_directory(const struct walk *walk, const struct stat *found) {
  AUTO_CLOSE int parent = open_parent(walk);
  const char *name = strrchr(walk->path, '/') + 1;
  if (mkdirat(parent, name, 0700) < 0) fail("make the stand-in", walk->path);
  AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0) fail("make the stand-in", walk->path);
  give(fd, found);
}

static void visit(struct walk *walk, int directory, size_t length);

static void look_at(struct walk *walk, int directory, const char *name, size_t length) {
  struct stat found;
  int size = snprintf(walk->path + length, sizeof walk->path - length, "/%s", name);
  if (size >= (int)(sizeof walk->path - length)) return;
  if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) < 0 || found.st_dev != walk->device) return;
  bool is_system = found.st_uid < FIRST_PERSON && found.st_gid < FIRST_PERSON;
  if (S_ISREG(found.st_mode)) {
    if (is_system && !(found.st_mode & S_IROTH)) add_file(walk, &found, NULL);
  } else if (S_ISDIR(found.st_mode) && found.st_ino != walk->own) {
    if ((found.st_mode & (S_IROTH | S_IXOTH)) != (S_IROTH | S_IXOTH)) {
      if (is_system) add_directory(walk, &found);
      return;
    }
    AUTO_CLOSE int child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child >= 0) visit(walk, child, length + (size_t)size);
  }
}

static void visit(struct walk *walk, int directory, size_t length) {
  DIR *listing = fdopendir(dup(directory));
  if (!listing) return;
  for (struct dirent *entry; (entry = readdir(listing));) {
    bool is_interesting = entry->d_type == DT_REG || entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
    if (!is_interesting || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    look_at(walk, directory, entry->d_name, length);
    walk->path[length] = '\0';
  }
  closedir(listing);
}

/* Packages start their services when they are installed, unless this says no (Debian's invoke-rc.d). */
static void forbid_services(struct walk *walk) {
  struct stat root = {.st_mode = 0755};
  if (access(POLICY, F_OK) == 0 || access("/usr/sbin", F_OK) < 0) return;
  strcpy(walk->path, POLICY);
  add_file(walk, &root, "#!/bin/sh\n# No services are started inside an environment.\nexit 101\n");
}

/* Root inside has no id that a resource manager would know: its commands run as the user (inner.h). */
static void add_submit_programs(struct walk *walk) {
  if (access(SUBMIT_DIRECTORY, F_OK) < 0) return;
  for (const char *const *program = SUBMIT_PROGRAMS; *program; program++) {
    char there[PATH_SIZE];
    path_print(there, sizeof there, "/usr/bin/%s", *program);
    path_print(walk->path, sizeof walk->path, SUBMIT_DIRECTORY "/%s", *program);
    if (access(there, X_OK) < 0 || access(walk->path, F_OK) == 0) continue;
    AUTO_CLOSE int parent = open_parent(walk);
    if (symlinkat(INNER_PROGRAMS "/tees-enter", parent, *program) < 0) fail("make the stand-in", walk->path);
  }
}

static void make(const char *path, const char *own) {
  static struct walk walk;
  struct stat root, directory;
  make_directory(path, 0755);
  AUTO_CLOSE int node = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  walk.mask = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (node < 0 || walk.mask < 0 || fstat(node, &root) < 0 || stat(own, &directory) < 0) fail("make the mask", path);
  walk.device = root.st_dev;
  walk.own = directory.st_dev == root.st_dev ? directory.st_ino : 0;
  walk.path[0] = '\0';
  if (!is_weak(WEAK_LOWER)) visit(&walk, node, 0);
  forbid_services(&walk);
  add_submit_programs(&walk);
  close(walk.mask);
}

static unsigned newest(const char *directory) {
  unsigned most = 0;
  DIR *listing = opendir(directory);
  for (struct dirent *entry; listing && (entry = readdir(listing));) {
    char *end;
    unsigned long number = strtoul(entry->d_name, &end, 10);
    if (*end == '\0' && number > most) most = (unsigned)number;
  }
  if (listing) closedir(listing);
  return most;
}

static bool is_current(const char *path) {
  struct stat mask, source;
  if (stat(path, &mask) < 0) return false;
  for (size_t i = 0; i < COUNT_OF(SOURCES); i++)
    if (stat(SOURCES[i], &source) == 0 && source.st_ctime >= mask.st_ctime) return false;
  return true;
}

static void remove_tree(const char *path) {
  pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/rm", "rm", "-rf", "--one-file-system", "--", path, (char *)NULL);
    _exit(1);
  }
}

/* The locks lie beside the masks: N.lock, shared by each environment that has N. */
static void remove_unused(const char *directory, unsigned current) {
  char path[PATH_SIZE];
  DIR *listing = opendir(directory);
  for (struct dirent *entry; listing && (entry = readdir(listing));) {
    char *end;
    unsigned long number = strtoul(entry->d_name, &end, 10);
    if (end == entry->d_name || number >= current) continue;
    path_print(path, sizeof path, "%s/%lu.lock", directory, number);
    AUTO_CLOSE int lock = open(path, O_RDWR | O_CLOEXEC);
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0) continue;
    unlink(path);
    *strrchr(path, '.') = '\0';
    remove_tree(path);
  }
  if (listing) closedir(listing);
}

/* Appears under its number when it is whole. */
static void make_next(const char *directory, const char *own, unsigned number) {
  char path[PATH_SIZE], growing[PATH_SIZE];
  path_print(growing, sizeof growing, "%s/growing", directory);
  path_print(path, sizeof path, "%s/%u.lock", directory, number);
  pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/rm", "rm", "-rf", "--one-file-system", "--", growing, (char *)NULL);
    _exit(1);
  }
  waitpid(pid, NULL, 0);
  make(growing, own);
  AUTO_CLOSE int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  *strrchr(path, '.') = '\0';
  if (lock < 0 || rename(growing, path) < 0) fail("finish the mask", path);
}

static int lock_all(const char *directory) {
  char path[PATH_SIZE];
  path_print(path, sizeof path, "%s/lock", directory);
  int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) < 0) fail("lock the masks", path);
  return lock;
}

static void directory_of(const struct settings *settings, char *directory) {
  path_print(directory, PATH_SIZE, "%s/masks", settings->directory);
}

void mask_refresh(const struct settings *settings) {
  char directory[PATH_SIZE], path[PATH_SIZE + 16];
  directory_of(settings, directory);
  AUTO_CLOSE int lock = lock_all(directory);
  unsigned number = newest(directory);
  path_print(path, sizeof path, "%s/%u", directory, number);
  if (number > 0 && is_current(path)) return;
  make_next(directory, settings->directory, number + 1);
  remove_unused(directory, number + 1);
}

int mask_use(const struct settings *settings, char *path) {
  char directory[PATH_SIZE], lock_path[PATH_SIZE + 16];
  directory_of(settings, directory);
  /* The very first is being made, perhaps. Later ones are made while the one before them serves. */
  if (newest(directory) == 0) mask_refresh(settings);
  unsigned number = newest(directory);
  path_print(path, PATH_SIZE, "%s/%u", directory, number);
  path_print(lock_path, sizeof lock_path, "%s.lock", path);
  int lock = open(lock_path, O_RDWR | O_CLOEXEC);
  if (lock < 0 || flock(lock, LOCK_SH) < 0) fail("keep the mask", path);
  return lock;
}
