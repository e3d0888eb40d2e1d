/* The launcher's entry: see launch.h. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "groups.h"
#include "identity.h"
#include "init.h"
#include "launcher.h"
#include "plan.h"
#include "report.h"
#include "syscalls.h"

void free_pointer(void *pointer) { free(*(void **)pointer); }

static int block_signals(void) {
  sigset_t all, wanted;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGHUP);
  sigaddset(&wanted, SIGQUIT);
  int fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) fail("wait for signals", "");
  return fd;
}

/* By a relative name: that of the job's directory may be longer than a socket's may be. */
static int listen_in(const char *directory) {
  if (chdir(directory) < 0) fail("enter the job's directory", directory);
  if (access(LAUNCHED_NAME, F_OK) == 0) {
    errno = EEXIST;
    fail("launch a second time", directory);
  }
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_NAME};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* Of a launch that ended with its daemon. */
  unlink(SOCKET_NAME);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4) < 0)
    fail("listen for daemons", SOCKET_NAME);
  return fd;
}

static pid_t start_pid_one(struct launcher *launcher, const struct plan *plan) {
  const struct operation *identity = plan_find(plan, OP_IDENTITY);
  int stdio[3], lifeline[2], channel[2];
  streams_open(&launcher->streams, stdio, identity_uid(identity), identity_gid(identity));
  if (pipe2(lifeline, O_CLOEXEC) < 0) fail("create a pipe", "");
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0) fail("create a socket pair", "");
  /* Not unshare(2): this process would hold the environment's mounts after its end. */
  pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) fail("create the namespaces", "");
  if (pid == 0) {
    close(lifeline[1]);
    close(launcher->signals);
    close(launcher->listener);
    close(channel[0]);
    /* The daemon's connection is the launcher's alone. */
    if (dup3(channel[1], CONTROL_FD, O_CLOEXEC) < 0) _exit(STATUS_FAILED);
    close(channel[1]);
    streams_leave(&launcher->streams, stdio);
    if (!groups_enter(&launcher->group, launcher->memory, launcher->processes)) {
      errno = EOPNOTSUPP;
      fail("limit what the task may take (environment.memory, environment.processes)", "/sys/fs/cgroup");
    }
    init_run(plan, lifeline[0]);
  }
  close(channel[1]);
  close(lifeline[0]);
  for (int i = 0; i < 3; i++) close(stdio[i]);
  fcntl(channel[0], F_SETFL, O_NONBLOCK);
  client_attach(&launcher->pid_one, channel[0]);
  return pid;
}

static void read_limits(struct launcher *launcher, const struct plan *plan) {
  const struct operation *limits = plan_find(plan, OP_LIMITS), *identity = plan_find(plan, OP_IDENTITY);
  plan_require(limits, 4);
  plan_require(identity, 2);
  launcher->group = (struct group){limits->strings[0], identity->strings[0], limits->strings[1]};
  launcher->memory = limits->strings[2];
  launcher->processes = limits->strings[3];
  if (*launcher->memory || *launcher->processes) groups_sweep(launcher->group.root);
}

int main(int count, char **arguments) {
  static struct launcher launcher = {.daemon = {.fd = -1}, .pid_one = {.fd = -1}};
  report_to(CONTROL_FD);
  sys_close_range(CONTROL_FD + 1, ~0u, 0);
  fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
  launcher.signals = block_signals();
  struct plan plan;
  plan_read(CONTROL_FD, &plan);
  if (count != 2) {
    errno = EINVAL;
    fail("read the arguments", "");
  }
  const struct operation *trace = plan_find(&plan, OP_TRACE);
  plan_require(trace, 1);
  launcher.trace_ms = plan_number(trace->strings[0]);
  read_limits(&launcher, &plan);
  launcher.listener = listen_in(arguments[1]);
  launcher.init = start_pid_one(&launcher, &plan);
  fcntl(CONTROL_FD, F_SETFL, O_NONBLOCK);
  client_attach(&launcher.daemon, CONTROL_FD);
  int status = launcher_run(&launcher);
  groups_remove(&launcher.group);
  return status;
}
