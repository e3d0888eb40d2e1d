/*
 * supervise STATE -- CMD ARG…
 *
 * Runs `CMD ARG… run` below a PID 1 in new pid, mount and network namespaces, and when that has ended, whatever
 * ended it, becomes `CMD ARG… sweep` outside of them. This process stays in the caller's namespaces; it is the one
 * that survives the owner for long enough to leave nothing behind.
 *
 * Descriptors it is started with:
 *   OWNER_FD   a socket to the owner. End of file: the owner is gone, stop. The byte 'd': the owner lets go, and
 *              the cluster is its own owner from now on; answered by closing the descriptor.
 *   NETWORK_FD the caller's network namespace, for CMD.
 *   others     are handed to CMD and closed here.
 * STATE is locked (flock) for as long as this process lives, the sweep included; STATUS_IN_USE if it already is.
 *
 * sweep STATE -- CMD ARG… does the last step alone, for what a killed supervise has left.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OWNER_FD = 5, KEEP_BELOW_FD = 3 };
/* Longer than the supervisor allows its daemons. */
static const int64_t STOP_DEADLINE_MS = 6000;

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The descriptor stays open, without close-on-exec, so that the lock outlives the exec of the sweep. */
static int lock_state(const char *state) {
  int fd = open(state, O_RDONLY | O_DIRECTORY);
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static int refuse_lock(const char *state) {
  int in_use = errno == EWOULDBLOCK;
  complain("cannot lock the state directory", state);
  return in_use ? STATUS_IN_USE : 1;
}

/* CMD ARG… with one more argument. */
static void become(char **command, char *last) __attribute__((noreturn));
static void become(char **command, char *last) {
  size_t count = 0;
  while (command[count]) count++;
  char **longer = calloc(count + 2, sizeof *longer);
  if (!longer) abort();
  memcpy(longer, command, count * sizeof *longer);
  longer[count] = last;
  execute(longer);
}

/* What the owner says on its socket. Returns false when there is nothing more to hear. */
static bool hear_owner(bool *stop) {
  char byte;
  ssize_t count = read(OWNER_FD, &byte, 1);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (count == 1 && byte == 'd')
    prctl(PR_SET_PDEATHSIG, 0);
  else
    *stop = true;
  close(OWNER_FD);
  return false;
}

/* Waits for PID 1, passing on the wish to stop: politely first, then by SIGKILL. */
static void watch(pid_t one, int signals) {
  struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = OWNER_FD, .events = POLLIN}};
  int64_t deadline = -1;
  while (waitpid(one, NULL, WNOHANG) == 0) {
    int64_t left = deadline < 0 ? -1 : deadline - now_ms();
    if (deadline >= 0 && left <= 0) {
      kill(one, SIGKILL);
      deadline = now_ms() + STOP_DEADLINE_MS;
      continue;
    }
    if (poll(fds, 2, (int)left) < 0 && errno != EINTR) break;
    bool stop = false;
    struct signalfd_siginfo info;
    if (fds[0].revents && read(signals, &info, sizeof info) == sizeof info) stop = info.ssi_signo != SIGCHLD;
    if (fds[1].revents && !hear_owner(&stop)) fds[1].fd = -1;
    if (!stop || deadline >= 0) continue;
    deadline = now_ms() + STOP_DEADLINE_MS;
    kill(one, SIGTERM);
  }
}

int supervise_main(int argc, char **argv) {
  char **command = command_of(argc, argv);
  if (!command || argc < 4) return 2;
  if (lock_state(argv[1]) < 0) return refuse_lock(argv[1]);

  sigset_t watched, before;
  sigemptyset(&watched);
  int wanted[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) sigaddset(&watched, wanted[i]);
  sigprocmask(SIG_BLOCK, &watched, &before);
  int signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  int alive[2];
  if (signals < 0 || pipe2(alive, O_CLOEXEC) < 0) return complain("no descriptors", NULL);
  /* An owner that has died before this line is known by the end of file on its socket. */
  prctl(PR_SET_PDEATHSIG, SIGTERM);

  /* Not unshare(2): this process would have to live on with a dead pid namespace for its children, where no
     program can start a thread. */
  pid_t one = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);
  if (one < 0) return complain("cannot create the cluster's namespaces", NULL);
  if (one == 0) {
    close(alive[1]);
    close(OWNER_FD);
    pid_one(alive[0], &before, command);
  }
  /* What CMD got stays with CMD alone: a reader of those pipes learns of its death at once. */
  close_range(KEEP_BELOW_FD, OWNER_FD - 1, 0);
  watch(one, signals);
  prctl(PR_SET_PDEATHSIG, 0);
  sigprocmask(SIG_SETMASK, &before, NULL);
  become(command, "sweep");
}

int sweep_main(int argc, char **argv) {
  char **command = command_of(argc, argv);
  if (!command || argc < 4) return 2;
  if (lock_state(argv[1]) < 0) return refuse_lock(argv[1]);
  become(command, "sweep");
}
