#include "message.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../launch/syscalls.h"

static int failures = -1;

void close_fd(const int *fd) {
  int saved = errno;
  if (*fd >= 0) close(*fd);
  errno = saved;
}

void free_pointer(void *pointer) { free(*(void **)pointer); }

/* The first bytes, with the descriptors. */
static ssize_t receive_first(int fd, struct message *message, void *bytes, size_t size) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof message->fds)];
  } control;
  struct iovec data = {bytes, size};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t got;
  do got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return got;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    size_t bytes_there = part->cmsg_len - CMSG_LEN(0);
    message->fd_count = bytes_there / sizeof(int);
    memcpy(message->fds, CMSG_DATA(part), message->fd_count * sizeof(int));
  }
  if (header.msg_flags & MSG_CTRUNC) {
    errno = EPROTO;
    return -1;
  }
  return got;
}

static int receive_rest(int fd, char *bytes, size_t size) {
  for (size_t filled = 0; filled < size;) {
    ssize_t got = recv(fd, bytes + filled, size - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {
      errno = EPROTO;
      return -1;
    }
    filled += (size_t)got;
  }
  return 0;
}

static int split(struct message *message, size_t size) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++) count += message->bytes[i] == '\0';
  if (count == 0 || count > MESSAGE_STRINGS_MAX || message->bytes[size - 1] != '\0') {
    errno = EPROTO;
    return -1;
  }
  message->strings = calloc(count + 1, sizeof *message->strings);
  if (!message->strings) return -1;
  char *at = message->bytes;
  for (; message->count < count; at += strlen(at) + 1) message->strings[message->count++] = at;
  return 0;
}

int message_receive(int fd, struct message *message) {
  *message = (struct message){0};
  unsigned char head[4];
  ssize_t got = receive_first(fd, message, head, sizeof head);
  if (got == 0) errno = 0;
  if (got <= 0 || receive_rest(fd, (char *)head + got, sizeof head - (size_t)got) < 0) goto failed;
  size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
  if (size == 0 || size > MESSAGE_MAX_BYTES) {
    errno = EPROTO;
    goto failed;
  }
  message->bytes = malloc(size);
  if (message->bytes && receive_rest(fd, message->bytes, size) == 0 && split(message, size) == 0) return 0;
failed:
  message_free(message);
  return -1;
}

void message_free(struct message *message) {
  int saved = errno;
  for (size_t i = 0; i < message->fd_count; i++) close(message->fds[i]);
  free(message->strings);
  free(message->bytes);
  *message = (struct message){0};
  errno = saved;
}

static int send_all(int fd, const char *bytes, size_t size, const int *fds, size_t fd_count) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))];
  } control = {0};
  while (size > 0) {
    struct iovec data = {(void *)bytes, size};
    struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};
    if (fd_count > 0) {
      header.msg_control = control.bytes;
      header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
      struct cmsghdr *part = CMSG_FIRSTHDR(&header);
      *part = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
      memcpy(CMSG_DATA(part), fds, fd_count * sizeof(int));
    }
    ssize_t put = sendmsg(fd, &header, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    fd_count = 0;
    bytes += put;
    size -= (size_t)put;
  }
  return 0;
}

int message_send(int fd, const int *fds, size_t fd_count, const char *const *strings) {
  size_t size = 0;
  for (size_t i = 0; strings[i]; i++) size += strlen(strings[i]) + 1;
  if (size > MESSAGE_MAX_BYTES) {
    errno = E2BIG;
    return -1;
  }
  AUTO_FREE char *bytes = malloc(4 + size);
  if (!bytes) return -1;
  for (int i = 0; i < 4; i++) bytes[i] = (char)(size >> (8 * i));
  char *at = bytes + 4;
  for (size_t i = 0; strings[i]; i++) at = stpcpy(at, strings[i]) + 1;
  return send_all(fd, bytes, 4 + size, fds, fd_count);
}

void failures_to(int fd) { failures = fd; }

int failures_fd(void) { return failures; }

void refuse(const char *code, const char *message, const char *hint) {
  if (message_say(failures, "error", code, message, hint) < 0)
    fprintf(stderr, "tees-keep: %s: %s\n", code, message);
  _exit(STATUS_FAILED);
}

void fail(const char *what, const char *path) {
  char text[PATH_SIZE + 256];
  int error = errno;
  snprintf(text, sizeof text, "cannot %s%s%s: %s", what, *path ? ": " : "", path, strerror(error));
  refuse("ENVIRONMENT_FAILED", text, "See the login daemon's log, and tees doctor.");
}

int path_print(char *to, size_t size, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int length = vsnprintf(to, size, format, values);
  va_end(values);
  if (length >= 0 && (size_t)length < size) return length;
  errno = ENAMETOOLONG;
  fail("name", to);
}

#define SHARED_STACK_BYTES 65536

pid_t start_sharing(int (*run)(void *), void *argument, int flags) {
  /* One for each of the two that may be there at a time. */
  static char stacks[2][SHARED_STACK_BYTES] __attribute__((aligned(16)));
  static unsigned next;
  return clone(run, stacks[next++ % 2] + SHARED_STACK_BYTES, CLONE_VM | SIGCHLD | flags, argument);
}

static int compare_fds(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

void keep_only(const int *fds, size_t count) {
  int sorted[8];
  unsigned next = STDERR_FILENO + 1;
  memcpy(sorted, fds, count * sizeof *fds);
  qsort(sorted, count, sizeof *sorted, compare_fds);
  for (size_t i = 0; i < count; i++) {
    if ((unsigned)sorted[i] > next) sys_close_range(next, (unsigned)sorted[i] - 1, 0);
    next = (unsigned)sorted[i] + 1;
  }
  sys_close_range(next, ~0u, 0);
}
