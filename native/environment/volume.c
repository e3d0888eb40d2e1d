#include "volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "places.h"
#include "request.h"
#include "reserve.h"

#define BLOCK_BYTES 4096
/* Others may take the device that was free a moment ago. */
#define LOOP_ATTEMPTS 64

struct volume {
  char directory[PATH_SIZE]; /* where it is mounted */
  char image[PATH_SIZE];
  char growing[PATH_SIZE];
  char lock[PATH_SIZE];
  off_t size;
};

static void unenforceable(const char *path) __attribute__((noreturn));
static void unenforceable(const char *path) {
  char text[PATH_SIZE + 256];
  snprintf(text, sizeof text, "this node cannot bound the disk space of environments: %s: %s", path, strerror(errno));
  refuse("DISK_LIMIT_UNENFORCEABLE", text, "It needs loop devices, ext4 and mkfs.ext4; or set environments.disk to none.");
}

static void volume_of(const struct settings *settings, uid_t uid, struct volume *volume) {
  path_print(volume->directory, PATH_SIZE, "%s/users/%u", settings->directory, uid);
  path_print(volume->image, PATH_SIZE, "%s/users/%u.volume", settings->directory, uid);
  path_print(volume->growing, PATH_SIZE, "%s/users/%u.volume.new", settings->directory, uid);
  path_print(volume->lock, PATH_SIZE, "%s/users/%u.lock", settings->directory, uid);
  volume->size = (off_t)(strtoull(settings->disk, NULL, 10) / BLOCK_BYTES * BLOCK_BYTES);
}

static bool is_mounted(const struct volume *volume) {
  struct statx found;
  return statx(AT_FDCWD, volume->directory, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &found) == 0 &&
         (found.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static bool is_environment(const char *name) {
  static const char *const OTHERS[] = {".", "..", LOST_AND_FOUND, RESERVE};
  for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
    if (strcmp(name, OTHERS[i]) == 0) return false;
  return true;
}

/* -1: the directory is not there. */
static int count_environments(const char *path) {
  int count = 0;
  DIR *listing = opendir(path);
  if (!listing) return -1;
  for (struct dirent *entry; (entry = readdir(listing));)
    count += is_environment(entry->d_name);
  closedir(listing);
  return count;
}

/* Whole or not at all: under another name until it is a file system. */
static void make_image(const struct volume *volume) {
  unlink(volume->growing);
  int fd = open(volume->growing, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, volume->size) < 0) fail("make the file system of the user's environments", volume->growing);
  close(fd);
  /* Small files are many. Nothing is kept for root, who writes nothing here. */
  const char *const words[] = {"/sbin/mkfs.ext4", "-q", "-F", "-m", "0", "-i", "8192", "-b", "4096", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
                               volume->growing, NULL};
  if (request_run(words) != 0) {
    unlink(volume->growing);
    errno = ENOEXEC;
    unenforceable("/sbin/mkfs.ext4");
  }
  if (rename(volume->growing, volume->image) < 0) fail("make the file system of the user's environments", volume->image);
}

/* By its file's identity, or, where file systems have several for one (btrfs), by its path. */
static bool is_of(int device, const char *name, const struct volume *volume, const struct stat *image) {
  struct loop_info64 info;
  char path[PATH_SIZE], backing[PATH_SIZE] = "";
  if (ioctl(device, LOOP_GET_STATUS64, &info) < 0) return false;
  unsigned major = major(image->st_dev), minor = minor(image->st_dev);
  if (info.lo_inode == image->st_ino && info.lo_device == ((minor & 0xffu) | major << 8 | (uint64_t)(minor & ~0xffu) << 12)) return true;
  path_print(path, sizeof path, "/sys/block/%s/loop/backing_file", name);
  AUTO_CLOSE int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, backing, sizeof backing - 1) < 0) return false;
  backing[strcspn(backing, "\n")] = '\0';
  return strcmp(backing, volume->image) == 0;
}

/* Two devices of one image would be two file systems that know nothing of each other: one that somebody still holds is taken. */
static int find_device(const struct volume *volume, int image, char *path) {
  struct stat found;
  if (fstat(image, &found) < 0) return -1;
  int device = -1;
  DIR *listing = opendir("/sys/block");
  for (struct dirent *entry; listing && device < 0 && (entry = readdir(listing));) {
    if (strncmp(entry->d_name, "loop", 4) != 0) continue;
    path_print(path, PATH_SIZE, "/dev/%s", entry->d_name);
    device = open(path, O_RDONLY | O_CLOEXEC);
    if (device < 0 || is_of(device, entry->d_name, volume, &found)) continue;
    close(device);
    device = -1;
  }
  if (listing) closedir(listing);
  return device;
}

static int attach_device(int image, char *path) {
  AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) unenforceable("/dev/loop-control");
  for (int attempt = 0; attempt < LOOP_ATTEMPTS; attempt++) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) break;
    path_print(path, PATH_SIZE, "/dev/loop%d", number);
    int device = open(path, O_RDWR | O_CLOEXEC);
    /* Gone with its last user; past the page cache, which would have everything twice. */
    struct loop_config config = {.fd = (uint32_t)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO};
    if (device >= 0 && ioctl(device, LOOP_CONFIGURE, &config) == 0) return device;
    int error = errno;
    close_fd(&device);
    errno = error;
    if (errno != EBUSY) break;
  }
  unenforceable(path);
}

static int run_silently(const char *program, const char *option, const char *path) {
  /* Our standard output is the login daemon's. */
  return request_run((const char *const[]){"/bin/sh", "-c", "exec \"$@\" >/dev/null", "sh", program, option, path, NULL});
}

/* The setting may have grown since the image was made. It never shrinks. Not while it is mounted somewhere. */
static void grow(const struct volume *volume, int image) {
  struct stat found;
  if (fstat(image, &found) < 0 || found.st_size >= volume->size) return;
  int status = run_silently("/sbin/e2fsck", "-fp", volume->image);
  /* 1: it has repaired what there was. */
  bool is_sound = WIFEXITED(status) && WEXITSTATUS(status) <= 1;
  if (is_sound && ftruncate(image, volume->size) == 0 && run_silently("/sbin/resize2fs", "-f", volume->image) == 0) return;
  if (ftruncate(image, found.st_size) < 0) fail("restore the size of", volume->image);
  errno = EIO;
  fail("give more disk space to the user's environments", volume->image);
}

static void mount_volume(const struct volume *volume) {
  char path[PATH_SIZE] = "";
  AUTO_CLOSE int image = open(volume->image, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (image < 0) fail("open the file system of the user's environments", volume->image);
  AUTO_CLOSE int device = find_device(volume, image, path);
  if (device < 0) {
    grow(volume, image);
    device = attach_device(image, path);
  }
  make_directory(volume->directory, 0700);
  if (mount(path, volume->directory, "ext4", MS_NOSUID | MS_NODEV, "discard") < 0) unenforceable(volume->directory);
  if (chmod(volume->directory, 0700) < 0) fail("close the directory", volume->directory);
}

static bool is_bounded(const struct settings *settings, uid_t uid) { return *settings->disk && uid != 0; }

static void use(const struct volume *volume, bool may_make) {
  AUTO_CLOSE int lock = open(volume->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) < 0) fail("lock", volume->lock);
  /* Two who come at once find one. */
  if (is_mounted(volume)) return;
  bool exists = access(volume->image, F_OK) == 0;
  if (!exists && !may_make) return;
  if (!exists) make_image(volume);
  mount_volume(volume);
  reserve_keep(volume->directory);
}

void volume_use(const struct settings *settings, uid_t uid) {
  struct volume volume;
  if (!is_bounded(settings, uid)) return;
  volume_of(settings, uid, &volume);
  if (!is_mounted(&volume) && access(volume.image, F_OK) == 0) use(&volume, false);
}

void volume_require(const struct settings *settings, uid_t uid) {
  struct volume volume;
  if (!is_bounded(settings, uid)) return;
  volume_of(settings, uid, &volume);
  if (!is_mounted(&volume) && count_environments(volume.directory) > 0)
    refuse("DISK_LIMIT_UNENFORCEABLE", "your environments were made when nothing bounded their disk space",
           "An administrator moves them: see environments.disk in docs/operations.md. They can be listed, exported, stopped and deleted.");
}

void volume_make(const struct settings *settings, uid_t uid) {
  struct volume volume;
  volume_require(settings, uid);
  if (!is_bounded(settings, uid)) return;
  volume_of(settings, uid, &volume);
  if (!is_mounted(&volume)) use(&volume, true);
}

static bool find_mounted(const struct settings *settings, uid_t uid, struct volume *volume) {
  if (!is_bounded(settings, uid)) return false;
  volume_of(settings, uid, volume);
  return is_mounted(volume);
}

void volume_lend(const struct settings *settings, uid_t uid) {
  struct volume volume;
  if (find_mounted(settings, uid, &volume)) reserve_lend(volume.directory);
}

void volume_keep(const struct settings *settings, uid_t uid) {
  struct volume volume;
  if (find_mounted(settings, uid, &volume)) reserve_keep(volume.directory);
}

bool volume_room(const struct settings *settings, uid_t uid, unsigned long long *used, unsigned long long *size) {
  struct volume volume;
  struct statvfs found;
  if (!*settings->disk) return false;
  volume_of(settings, uid, &volume);
  if (!is_mounted(&volume) || statvfs(volume.directory, &found) < 0) return false;
  *used = (unsigned long long)(found.f_blocks - found.f_bfree) * found.f_frsize;
  *size = (unsigned long long)found.f_blocks * found.f_frsize;
  return true;
}

void volume_use_all(const struct settings *settings) {
  char path[PATH_SIZE], rest;
  unsigned uid;
  if (!*settings->disk) return;
  path_print(path, sizeof path, "%s/users", settings->directory);
  DIR *listing = opendir(path);
  for (struct dirent *entry; listing && (entry = readdir(listing));) {
    if (sscanf(entry->d_name, "%u.volum%c", &uid, &rest) != 2 || strchr(entry->d_name, '.')[7] != '\0') continue;
    /* One that is broken is in nobody else's way. */
    pid_t pid = fork();
    if (pid == 0) {
      volume_use(settings, uid);
      _exit(0);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  }
  if (listing) closedir(listing);
}

void volume_tidy(const struct settings *settings, uid_t uid) {
  struct volume volume;
  if (!*settings->disk) return;
  volume_of(settings, uid, &volume);
  AUTO_CLOSE int lock = open(volume.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) < 0 || !is_mounted(&volume) || count_environments(volume.directory) != 0) return;
  /* Where somebody has just come, this fails, and the next end tries it again. */
  if (umount2(volume.directory, 0) == 0) unlink(volume.image);
}
