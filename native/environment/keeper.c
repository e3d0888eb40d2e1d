/* tees-keep: the keeper of environments. See environment.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "attend.h"
#include "limits.h"
#include "mask.h"
#include "message.h"
#include "places.h"
#include "settings.h"
#include "user.h"
#include "volume.h"

#define SOCKET_NAME "environments.sock"
#define LOOK_INTERVAL_MS 60000
/* Requests that are attended to at a time, of all and of one user. Others wait in the queue of the socket, or are told. */
#define ATTENDED_MAX 256
#define ATTENDED_PER_USER_MAX 16

static struct {
  pid_t pid;
  uid_t uid;
} attended[ATTENDED_MAX];

static void stop_with(const char *what, const char *path) __attribute__((noreturn));
static void stop_with(const char *what, const char *path) {
  fprintf(stderr, "tees-keep: cannot %s: %s: %s\n", what, path, strerror(errno));
  exit(1);
}

static void make(const char *parent, const char *name, mode_t mode) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s%s%s", parent, *name ? "/" : "", name);
  if (mkdir(path, mode) < 0 && errno != EEXIST) stop_with("make the directory", path);
  if (chmod(path, mode) < 0) stop_with("set the mode of", path);
}

static void make_places(const struct settings *settings) {
  static const char *const PLACES[] = {"", "users", "masks"};
  mode_t mode = is_weak(WEAK_PLACES) ? 0755 : 0700;
  for (size_t i = 0; i < COUNT_OF(PLACES); i++) make(settings->directory, PLACES[i], mode);
  make(settings->runtime, "environments", mode);
}

static int listen_for_users(const struct settings *settings) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_NAME};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || chdir(settings->runtime) < 0) stop_with("enter", settings->runtime);
  unlink(SOCKET_NAME);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(SOCKET_NAME, 0666) < 0 || listen(fd, 1024) < 0)
    stop_with("listen at", SOCKET_NAME);
  if (chdir("/") < 0) stop_with("enter", "/");
  return fd;
}

/* Environments have no part in how the daemon is protected. */
static void be_ordinary(void) {
  AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0 && write(fd, "0", 1) < 0) perror("tees-keep: oom_score_adj");
  umask(022);
}

static pid_t start(int signals, void (*act)(const struct settings *, int), const struct settings *settings, int connection) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  close(signals);
  be_ordinary();
  act(settings, connection);
  _exit(0);
}

static void attend_to(const struct settings *settings, int connection) { attend(settings, connection); }

static void refresh(const struct settings *settings, int connection) {
  (void)connection;
  failures_to(STDERR_FILENO);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpriority(PRIO_PROCESS, 0, 10);
  volume_use_all(settings);
  mask_refresh(settings);
}

static int room_for(uid_t uid) {
  int room = -1, own = 0;
  for (int i = 0; i < ATTENDED_MAX; i++) {
    if (attended[i].pid == 0) room = i;
    else if (attended[i].uid == uid) own++;
  }
  return own < ATTENDED_PER_USER_MAX ? room : -1;
}

static void take(const struct settings *settings, int signals, int listener) {
  AUTO_CLOSE int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (connection < 0 || getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return;
  uid_t uid = user_counted_as(settings, peer.uid);
  int room = room_for(uid);
  if (room < 0) {
    message_say(connection, "error", "REQUESTS_TOO_MANY", "you ask for too much at once", "Wait for some of it.");
    return;
  }
  pid_t pid = start(signals, attend_to, settings, connection);
  if (pid < 0) message_say(connection, "error", "ENVIRONMENT_FAILED", strerror(errno), "The login node has no room for another process.");
  else attended[room].pid = pid, attended[room].uid = uid;
}

static void reap(pid_t *refresher) {
  for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;) {
    if (pid == *refresher) *refresher = 0;
    for (int i = 0; i < ATTENDED_MAX; i++)
      if (attended[i].pid == pid) attended[i].pid = 0;
  }
}

int main(void) {
  static struct settings settings;
  settings_read(STDIN_FILENO, &settings);
  if (settings.network >= 0 && setns(settings.network, CLONE_NEWNET) < 0) stop_with("enter", "the network namespace");
  make_places(&settings);
  limits_sweep();
  users_load();
  /* Whatever this is started by: commands begin with the defaults (IGNORED_SIGNALS). */
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK), listener = listen_for_users(&settings);
  pid_t refresher = start(signals, refresh, &settings, -1);
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) stop_with("tell the daemon", "standard output");
  /* The daemon holds the other end of standard input. Environments go on without a keeper, and without a daemon. */
  struct pollfd polled[] = {{.fd = signals, .events = POLLIN}, {.fd = listener, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  for (;;) {
    int count = poll(polled, COUNT_OF(polled), LOOK_INTERVAL_MS);
    struct signalfd_siginfo info;
    if (polled[0].revents && read(signals, &info, sizeof info) < 0) continue;
    reap(&refresher);
    if (count == 0 && refresher <= 0) refresher = start(signals, refresh, &settings, -1);
    if (polled[1].revents & POLLIN) take(&settings, signals, listener);
    if (polled[2].revents) return 0;
  }
}
