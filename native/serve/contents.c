#include "contents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "serve.h"

static void name_of(uint32_t content, char name[CONTENT_NAME_SIZE]) {
  snprintf(name, CONTENT_NAME_SIZE, "%u", content);
}

bool contents_is_here(uint32_t content) {
  char name[CONTENT_NAME_SIZE];
  name_of(content, name);
  return faccessat(FD_CONTENTS, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int contents_open(uint32_t content) {
  char name[CONTENT_NAME_SIZE];
  name_of(content, name);
  int fd = openat(FD_CONTENTS, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/* Somebody has cut it short, or it is no file: with passthrough nobody would notice later. */
static bool is_whole(const struct server *server, uint32_t content, int fd) {
  struct stat found;
  if (fstat(fd, &found) < 0) return false;
  return S_ISREG(found.st_mode) && (uint64_t)found.st_size == server->shared.tree.sizes[content];
}

/* Where the kernel takes no file (another stacked file system below the store), content by content without. */
static int take_backing(struct server *server, uint32_t content, int32_t *backing) {
  AUTO_CLOSE int fd = contents_open(content);
  if (fd < 0) return -fd;
  if (!is_whole(server, content, fd)) return EIO;
  *backing = BACKING_NONE;
  if (!server->shared.state->features.passthrough) return 0;
  struct backing_map map = {.fd = fd};
  int taken = ioctl(FD_FUSE, BACKING_OPEN, &map);
  if (taken > 0) *backing = taken;
  return 0;
}

/* Once taken a number stays: who is killed between counting an open and answering it would leave a wrong count. */
static int backing_of(struct server *server, uint32_t content, int32_t *backing) {
  _Atomic int32_t *known = &server->shared.backings[content];
  *backing = atomic_load(known);
  if (*backing != BACKING_UNKNOWN) return 0;
  pthread_mutex_t *lock = &server->backing_locks[content % BACKING_LOCKS];
  pthread_mutex_lock(lock);
  int error = 0;
  *backing = atomic_load(known);
  if (*backing == BACKING_UNKNOWN) {
    error = take_backing(server, content, backing);
    if (!error) atomic_store(known, *backing);
  }
  pthread_mutex_unlock(lock);
  return error;
}

int contents_answer_open(struct server *server, uint64_t unique, uint32_t content) {
  int32_t backing;
  int error = backing_of(server, content, &backing);
  if (error == ENOENT) return ENOENT;
  if (error) {
    device_error(unique, error);
    return 0;
  }
  struct open_answer open = {.handle = content, .flags = OPEN_NOFLUSH};
  if (backing > 0) {
    open.flags |= OPEN_PASSTHROUGH;
    open.backing = backing;
  } else {
    open.flags |= FOPEN_KEEP_CACHE;
  }
  device_data(unique, &open, sizeof open);
  return 0;
}

void contents_answer_read(struct server *server, const struct request *request, uint32_t content, void *buffer) {
  AUTO_CLOSE int fd = contents_open(content);
  if (fd < 0) return device_error(request->unique, EIO);
  size_t size = request->read.size < READ_MAX_BYTES ? request->read.size : READ_MAX_BYTES;
  uint64_t end = server->shared.tree.sizes[content], offset = request->read.offset;
  if (offset >= end) return device_data(request->unique, buffer, 0);
  if (size > end - offset) size = (size_t)(end - offset);
  size_t length = 0;
  while (length < size) {
    ssize_t got = pread(fd, (char *)buffer + length, size - length, (off_t)(offset + length));
    if (got < 0 && errno == EINTR) continue;
    /* The kernel would make zeros of what is missing. */
    if (got <= 0) return device_error(request->unique, EIO);
    length += (size_t)got;
  }
  server_count(server, COUNT_READS, 1);
  server_count(server, COUNT_READ_BYTES, length);
  device_data(request->unique, buffer, length);
}

void contents_answer_lseek(const struct request *request, uint32_t content) {
  uint32_t whence = request->lseek.whence;
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return device_error(request->unique, EINVAL);
  AUTO_CLOSE int fd = contents_open(content);
  if (fd < 0) return device_error(request->unique, EIO);
  off_t found = lseek(fd, (off_t)request->lseek.offset, (int)whence);
  if (found < 0) return device_error(request->unique, errno);
  struct fuse_lseek_out out = {.offset = (uint64_t)found};
  device_data(request->unique, &out, sizeof out);
}
