#include "fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "serve.h"

#define BIT(signal) (1ull << ((signal) - 1))
/* signal(7): those that end no process by default. */
#define HARMLESS                                                                                              \
  (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) |    \
   BIT(SIGTTOU))

static uint64_t parse_hex(const char *at, const char *end) {
  uint64_t value = 0;
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  for (; at < end; at++) {
    int digit = *at >= '0' && *at <= '9' ? *at - '0' : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10 : -1;
    if (digit < 0) break;
    value = value << 4 | (uint64_t)digit;
  }
  return value;
}

bool fatal_in_status(const char *status, size_t length) {
  static const char *const names[] = {"SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:"};
  uint64_t masks[5] = {0};
  const char *end = status + length;
  for (const char *line = status; line < end;) {
    const char *line_end = memchr(line, '\n', (size_t)(end - line));
    if (!line_end) line_end = end;
    for (int i = 0; i < 5; i++) {
      size_t size = strlen(names[i]);
      if ((size_t)(line_end - line) > size && memcmp(line, names[i], size) == 0)
        masks[i] = parse_hex(line + size, line_end);
    }
    line = line_end + 1;
  }
  uint64_t pending = masks[0] | masks[1], survived = masks[2] | masks[3] | masks[4] | HARMLESS;
  return pending & (BIT(SIGKILL) | ~survived);
}

bool fatal_pending(int proc, uint32_t pid) {
  char path[32], status[4096];
  snprintf(path, sizeof path, "%u/status", pid);
  AUTO_CLOSE int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ESRCH;
  size_t length = 0;
  for (ssize_t got; length < sizeof status && (got = read(fd, status + length, sizeof status - length)) > 0;)
    length += (size_t)got;
  return length == 0 || fatal_in_status(status, length);
}
