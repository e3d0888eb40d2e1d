#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "serve.h"
#include "state.h"

/* So soon after the last one the other had no time to do anything: */
#define SOON_MS 100
/* …if this happens so often in a row, something is wrong with it, and the machine has other things to do. */
#define SOON_MAX 5
#define PAUSE_MS 100

extern char **environ;

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* After fork(2) in a process with threads: async-signal-safe calls only. */
static void become(const char *role, int lifeline) {
  bool keeper = strcmp(role, ROLE_KEEPER) == 0;
  char *const argv[] = {(char *)(uintptr_t)(keeper ? "tees-keep" : "tees-serve"), (char *)(uintptr_t)role, NULL};
  /* Who kills by name shall not meet both. */
  prctl(PR_SET_NAME, argv[0], 0, 0, 0);
  setsid();
  if (dup2(lifeline, FD_LIFELINE) < 0) _exit(1);
  for (int fd = FD_FUSE; fd < FD_PASSED_MAX; fd++) fcntl(fd, F_SETFD, 0);
  syscall(SYS_execveat, FD_PROGRAM, "", argv, environ, AT_EMPTY_PATH);
  _exit(1);
}

int pair_start(const char *role) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
  pid_t pid = fork();
  if (pid == 0) become(role, ends[1]);
  int saved = errno;
  close(ends[1]);
  if (pid > 0) dup3(ends[0], FD_LIFELINE, O_CLOEXEC);
  close(ends[0]);
  errno = saved;
  return pid > 0 ? 0 : -1;
}

void pair_replace(const char *role) {
  static int64_t last_ms;
  static int soon;
  struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
  soon = now_ms() - last_ms < SOON_MS ? soon + 1 : 0;
  if (soon > SOON_MAX) nanosleep(&pause, NULL);
  while (pair_start(role) < 0) nanosleep(&pause, NULL);
  last_ms = now_ms();
}

void pair_take_down(void) {
  umount2(MOUNT_POINT, MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
  unlink(SOCKET_NAME);
}

void keeper_run(void) {
  struct shared shared;
  if (state_attach(FD_STATE, &shared) < 0) abort();
  for (;;) {
    char byte;
    ssize_t got = read(FD_LIFELINE, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    bool first = atomic_load(&shared.state->generation) == 0;
    /* Without FUSE_NOTIFY_RESEND those who wait would do so for ever: better they fail. */
    bool replaceable = first || shared.state->features.resend;
    if (atomic_load(&shared.state->ending) || !replaceable) break;
    pair_replace(ROLE_SERVER);
  }
  pair_take_down();
  exit(0);
}
