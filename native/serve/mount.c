#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "device.h"
#include "request.h"
#include "serve.h"

#define INIT_DEADLINE_MS 5000

bool place(int fd, int number) {
  if (fd < 0) return false;
  if (fd == number) return true;
  bool placed = dup3(fd, number, O_CLOEXEC) >= 0;
  close(fd);
  return placed;
}

int mount_served(const char *directory) {
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40555,user_id=0,group_id=0,allow_other,default_permissions,max_read=%u",
           FD_FUSE, READ_MAX_BYTES);
  unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME;
  return mount("tees", directory, "fuse.tees", flags, options);
}

int mount_negotiate(struct features allowed, struct features *agreed) {
  char bytes[FUSE_MIN_READ_BUFFER];
  struct pollfd ready = {.fd = FD_FUSE, .events = POLLIN};
  if (poll(&ready, 1, INIT_DEADLINE_MS) != 1) {
    errno = ETIMEDOUT;
    return -1;
  }
  ssize_t length = read(FD_FUSE, bytes, sizeof bytes);
  if (length < 0) return -1;
  struct request request;
  struct answer answer;
  int error = request_parse(bytes, (size_t)length, &request);
  if (!error && request.opcode != FUSE_INIT) error = EPROTO;
  if (!error) {
    answer_init(&answer, &request, allowed, agreed);
    error = -answer.header.error;
    device_write(&answer);
  }
  if (!error) return 0;
  errno = error < 0 ? EPROTO : error;
  return -1;
}
