#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "message.h"
#include "session.h"

static int block_signals(void) {
  sigset_t all, wanted;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGTERM);
  int fd = signalfd(-1, &wanted, SFD_CLOEXEC);
  if (fd < 0) fail("wait for signals", "");
  return fd;
}

/* For those inside who are not root, and would be. */
static int listen_inside(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = INNER_SOCKET};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(INNER_SOCKET, 0666) < 0 ||
      listen(fd, 64) < 0)
    fail("listen inside", INNER_SOCKET);
  return fd;
}

static void serve(const struct user *user, const char *name, int listener, bool is_inner) {
  int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) return;
  pid_t pid = fork();
  if (pid == 0) session_run(user, name, connection, is_inner);
  close(connection);
}

/* True when there is nobody left to wait for. */
static bool reap(void) {
  pid_t pid;
  while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {}
  return pid < 0 && errno == ECHILD;
}

void init_run(const struct user *user, const char *name, int listener, int starter, int former) {
  int signals = block_signals();
  int inner = listen_inside(), null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 3; i++)
    if (dup2(null, i) < 0) fail("leave the streams", "");
  close(null);
  umask(022);
  if (write(starter, "r", 1) != 1) _exit(STATUS_FAILED);
  close(starter);
  close(former);
  close(failures_fd());
  failures_to(-1);
  struct pollfd polled[] = {
      {.fd = signals, .events = POLLIN}, {.fd = listener, .events = POLLIN}, {.fd = inner, .events = POLLIN}};
  bool ending = false;
  for (;;) {
    if (poll(polled, COUNT_OF(polled), -1) < 0) continue;
    struct signalfd_siginfo info;
    if ((polled[0].revents & POLLIN) && read(signals, &info, sizeof info) == sizeof info) {
      bool alone = reap();
      if (info.ssi_signo == SIGTERM && info.ssi_pid == 0) {
        /* From outside: it has no number here. All are asked to end, shells too. */
        ending = true;
        kill(-1, SIGTERM);
        kill(-1, SIGHUP);
        kill(-1, SIGCONT);
        alone = reap();
      }
      if (ending && alone) _exit(0);
    }
    if (!ending && (polled[1].revents & POLLIN)) serve(user, name, listener, false);
    if (!ending && (polled[2].revents & POLLIN)) serve(user, name, inner, true);
    if (ending && (polled[1].revents | polled[2].revents)) _exit(0);
  }
}
