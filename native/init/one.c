/*
 * PID 1 of a cluster. Starts `command… run`, reaps what the kernel gives it, passes polite signals on to its main
 * child, and ends with it; the kernel then kills every process of the namespace, and with the last of them the
 * mount and network namespaces go. It also ends when its parent does: by PR_SET_PDEATHSIG.
 * Node cannot play this part: it does not reap children that it has not started.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing mounted from here on is seen outside, and /proc shows this pid namespace. */
static int prepare_mounts(void) {
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return complain("cannot make mounts private", "/");
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
    return complain("cannot mount", "/proc");
  return 0;
}

static void start(char **command, const sigset_t *mask) __attribute__((noreturn));
static void start(char **command, const sigset_t *mask) {
  size_t count = 0;
  while (command[count]) count++;
  char **longer = calloc(count + 2, sizeof *longer);
  if (!longer) abort();
  memcpy(longer, command, count * sizeof *longer);
  longer[count] = "run";
  sigprocmask(SIG_SETMASK, mask, NULL);
  execute(longer);
}

static int exit_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void pid_one(int alive, const sigset_t *mask, char **command) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* getppid() says 0 in here whether the parent lives or not; the pipe knows whether it died before the prctl. */
  struct pollfd parent = {.fd = alive, .events = POLLIN};
  if (poll(&parent, 1, 0) > 0) _exit(1);
  if (prepare_mounts() != 0) _exit(1);

  sigset_t every;
  sigfillset(&every);
  sigprocmask(SIG_BLOCK, &every, NULL);
  pid_t child = fork();
  if (child < 0) _exit(complain("cannot start the supervisor", NULL));
  if (child == 0) {
    /* The lock, the pipe and the signal descriptor are the parent's; close-on-exec does not cover the lock. */
    close_range(5, NETWORK_FD - 1, 0);
    close_range(NETWORK_FD + 1, ~0U, 0);
    start(command, mask);
  }
  close_range(3, ~0U, 0);
  for (;;) {
    int signal = sigwaitinfo(&every, NULL);
    if (signal == SIGTERM || signal == SIGINT || signal == SIGHUP) kill(child, signal);
    if (signal != SIGCHLD) continue;
    int status;
    for (pid_t gone; (gone = waitpid(-1, &status, WNOHANG)) > 0;)
      if (gone == child) _exit(exit_status(status));
  }
}
