/*
 * enter PID -- CMD ARG…
 *
 * Runs CMD as the caller in the namespaces (network, host name, pid, mount) of process PID, in the caller's
 * working directory if it exists there, else in /. Ends as CMD ends: with its status, or of its signal. Signals
 * that other processes send are passed on; a terminal's reach CMD by themselves. CMD dies with this process.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* All are opened before the first is joined: behind another mount namespace /proc is another. */
static int join_all(const char *pid) {
  static const struct {
    const char *name;
    int type;
  } SPACES[] = {{"net", CLONE_NEWNET}, {"uts", CLONE_NEWUTS}, {"pid", CLONE_NEWPID}, {"mnt", CLONE_NEWNS}};
  enum { COUNT = sizeof SPACES / sizeof *SPACES };
  int fds[COUNT];
  for (int i = 0; i < COUNT; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/ns/%s", pid, SPACES[i].name);
    fds[i] = open(path, O_RDONLY | O_CLOEXEC);
    if (fds[i] < 0) return complain("cannot open the namespace", path);
  }
  for (int i = 0; i < COUNT; i++) {
    if (setns(fds[i], SPACES[i].type) < 0) return complain("cannot join the namespace", SPACES[i].name);
    close(fds[i]);
  }
  return 0;
}

static void run(int alive, const char *directory, const sigset_t *mask, char **command) __attribute__((noreturn));
static void run(int alive, const char *directory, const sigset_t *mask, char **command) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct pollfd parent = {.fd = alive, .events = POLLIN};
  if (poll(&parent, 1, 0) > 0) _exit(1);
  if (chdir(directory) < 0 && chdir("/") < 0) _exit(complain("cannot enter", "/"));
  sigprocmask(SIG_SETMASK, mask, NULL);
  execute(command);
}

/* Ends as the child did. Its core is the one worth keeping. */
static int end_like(int status) {
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(WTERMSIG(status), SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, WTERMSIG(status));
  kill(getpid(), WTERMSIG(status));
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  return 128 + WTERMSIG(status);
}

int enter_main(int argc, char **argv) {
  char **command = command_of(argc, argv);
  if (!command || argc < 4) return 2;
  char directory[PATH_MAX];
  if (!getcwd(directory, sizeof directory)) snprintf(directory, sizeof directory, "/");
  if (join_all(argv[1]) != 0) return 1;

  sigset_t passed, before;
  sigfillset(&passed);
  sigdelset(&passed, SIGTSTP); /* job control stops both */
  sigprocmask(SIG_BLOCK, &passed, &before);
  int alive[2];
  if (pipe2(alive, O_CLOEXEC) < 0) return complain("no descriptors", NULL);
  pid_t child = fork();
  if (child < 0) return complain("cannot start", command[0]);
  if (child == 0) {
    close(alive[1]);
    run(alive[0], directory, &before, command);
  }
  for (;;) {
    siginfo_t info;
    int signal = sigwaitinfo(&passed, &info);
    if (signal == SIGCHLD) {
      int status;
      if (waitpid(child, &status, WNOHANG) == child) return end_like(status);
    } else if (signal > 0 && info.si_code <= 0) {
      kill(child, signal);
    }
  }
}
