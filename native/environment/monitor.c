#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "identities.h"
#include "init.h"
#include "limits.h"
#include "mask.h"
#include "message.h"
#include "root.h"

/* For what runs inside to end by itself, when it is to be stopped. */
#define GRACE_MS 5000
#define LOCK_TRIES 100
#define LOCK_INTERVAL_US 20000

/* What the starter says to PID 1 of the groups that it has made. */
#define PREPARED 'p'
#define UNPREPARED 'u'

/* In the environment's process namespace, as the node's root still. */
static void become_pid_one(struct root *root, int listener, int starter) __attribute__((noreturn));
static void become_pid_one(struct root *root, int listener, int starter) {
  char prepared;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (read(starter, &prepared, 1) != 1) _exit(STATUS_FAILED);
  /* This process alone: what fills the environment's memory may end all in it, and not the monitor, which cleans up. */
  limits_enter(root->settings, root->place, prepared == PREPARED);
  root_prepare(root);
  root_enter(root);
  if (setsid() < 0 && errno != EPERM) fail("start a session", "");
  identities_enter(root->namespace, root->user);
  /* Until who waits has been told: letting go of it waits for all processors (RCU). */
  int former = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (former < 0) fail("open the mount namespace", "/proc/self/ns/mnt");
  keep_only((const int[]){listener, starter, former, failures_fd()}, 4);
  /* From here on the mounts belong to the user namespace: nothing that covers something else can be taken off. */
  if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP) < 0) fail("create the namespaces", "");
  if (sys_mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) fail("mount", "/dev/mqueue");
  init_run(root->user, root->place->name, listener, starter, former);
}

static void sweep(const struct place *place) {
  AUTO_CLOSE int directory = open(place->sockets, O_PATH | O_DIRECTORY | O_CLOEXEC);
  unlinkat(directory, place->socket, 0);
  unlinkat(directory, place->monitor, 0);
}

/* Told to stop by a connection, which is closed when all has ended. */
static void watch(pid_t pid_one, int monitor) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  AUTO_CLOSE int signals = signalfd(-1, &ends, SFD_CLOEXEC);
  struct pollfd polled[] = {{.fd = signals, .events = POLLIN}, {.fd = monitor, .events = POLLIN}};
  int timeout = -1;
  for (pid_t ended; (ended = waitpid(-1, NULL, WNOHANG)) != pid_one;) {
    if (ended > 0) continue; /* the holder of the user namespace */
    int count = poll(polled, 2, timeout);
    if (count == 0) kill(pid_one, SIGKILL);
    if (count > 0 && (polled[0].revents & POLLIN)) {
      struct signalfd_siginfo info;
      if (read(signals, &info, sizeof info) < 0) continue;
    }
    if (count > 0 && (polled[1].revents & POLLIN)) {
      /* Never closed: the end of this process tells it. */
      if (accept4(monitor, NULL, NULL, SOCK_CLOEXEC) < 0) continue;
      kill(pid_one, SIGTERM);
      timeout = GRACE_MS;
    }
  }
}

static void forget_streams(void) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; fd++)
    if (null >= 0) dup2(null, fd);
  if (null > 2) close(null);
}

/*
 * What overlayfs has made to work in. It would be removed by whoever mounts anew, which on a file system that discards freed
 * blocks at once takes longer than all the rest of a mount. What was left in it by a copy that did not end stays for that.
 */
static void tidy(const struct place *place) {
  char work[PATH_SIZE + 16];
  path_print(work, sizeof work, "%s/work/work", place->path);
  rmdir(work);
}

/* A process of its own, that nobody waits for: who has started it ends before it does. */
static void run(const struct settings *settings, const struct user *user, const struct place *place, int starter) __attribute__((noreturn));
static void run(const struct settings *settings, const struct user *user, const struct place *place, int starter) {
  static struct root root;
  char mask[PATH_SIZE];
  setsid();
  signal(SIGHUP, SIG_IGN);
  forget_streams();
  keep_only((const int[]){failures_fd(), starter}, 2);
  int lock = place_lock(place, "lock", false);
  /* The monitor of one that has just ended by itself, when memory ran out say, is still clearing up. */
  for (int tries = 0; lock < 0 && tries < LOCK_TRIES; tries++) {
    usleep(LOCK_INTERVAL_US);
    lock = place_lock(place, "lock", false);
  }
  if (lock < 0)
    refuse("ENVIRONMENT_IN_USE", "somebody else uses the environment's files",
           "It may run on another node that shares this directory. It can run once.");
  sweep(place);
  int mask_lock = mask_use(settings, mask);
  int listener = place_listen(place, place->socket), monitor = place_listen(place, place->monitor);
  root = (struct root){.settings = settings, .user = user, .place = place, .mask = mask};
  root.namespace = identities_make(user);
  /* This process stays where it is: what it removes in the end has its paths here. */
  pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) fail("create a process namespace", "");
  if (pid == 0) {
    close(mask_lock);
    close(monitor);
    close(lock);
    become_pid_one(&root, listener, starter);
  }
  keep_only((const int[]){lock, mask_lock, monitor}, 3);
  watch(pid, monitor);
  sweep(place);
  tidy(place);
  limits_remove(place);
  /* Before who waits for this hears of it: they may want to start it anew. */
  close(lock);
  _exit(0);
}

void monitor_start(const struct settings *settings, const struct user *user, const struct place *place) {
  int starter[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, starter) < 0) fail("create a socket", "");
  pid_t pid = fork();
  if (pid < 0) fail("start a process", "");
  if (pid == 0) {
    close(starter[0]);
    run(settings, user, place, starter[1]);
  }
  close(starter[1]);
  char one = limits_prepare(settings, place) ? PREPARED : UNPREPARED;
  ssize_t got;
  /* Who has refused hears nothing. */
  if (send(starter[0], &one, 1, MSG_NOSIGNAL) < 0 && errno != EPIPE) fail("start", place->name);
  do got = read(starter[0], &one, 1);
  while (got < 0 && errno == EINTR);
  close(starter[0]);
  if (got == 1) return;
  /* It has said why. */
  limits_remove(place);
  _exit(STATUS_FAILED);
}
