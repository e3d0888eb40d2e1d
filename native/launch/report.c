#include "report.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch.h"

static int channel = -1;

void report_to(int fd) { channel = fd; }

/* One write of less than PIPE_BUF where it matters: two processes may share the channel. */
static void send_message(char kind, const char *what, const char *path, int error) {
  char message[PATH_MAX + 256];
  char *fields = message + 1 + sizeof(uint32_t);
  int room = (int)(message + sizeof message - fields), size = 0;
  if (what) size += snprintf(fields + size, (size_t)(room - size), "%s", what) + 1;
  if (path) size += snprintf(fields + size, (size_t)(room - size), "%.*s", PATH_MAX - 1, path) + 1;
  if (path) size += snprintf(fields + size, (size_t)(room - size), "%d", error) + 1;
  uint32_t length = (uint32_t)size;
  message[0] = kind;
  memcpy(message + 1, &length, sizeof length);
  const char *at = message;
  for (size_t left = 1 + sizeof length + length; left > 0;) {
    ssize_t put = write(channel, at, left);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return; /* nobody is there to hear it */
    at += put;
    left -= (size_t)put;
  }
}

void report_ready(void) { send_message('L', NULL, NULL, 0); }

void report_running(void) { send_message('R', NULL, NULL, 0); }

void report_left_out(const char *path) { send_message('N', NULL, path, errno); }

void fail(const char *what, const char *path) {
  send_message('E', what, path, errno);
  _exit(STATUS_FAILED);
}

void close_fd(const int *fd) {
  int saved = errno;
  if (*fd >= 0) close(*fd);
  errno = saved;
}
