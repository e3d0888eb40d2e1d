/* The launcher's entry: see launch.h. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "identity.h"
#include "init.h"
#include "plan.h"
#include "relay.h"
#include "report.h"
#include "syscalls.h"

void free_pointer(void *pointer) { free(*(void **)pointer); }

/* Whoever started this has died before it asked to die with it when the parent is another one by now. */
static void die_with_daemon(const struct plan *plan) {
  const struct operation *parent = plan_find(plan, OP_PARENT);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail("die with the daemon", "");
  if (parent->count != 1 || (uint32_t)getppid() != plan_number(parent->strings[0])) _exit(STATUS_KILLED);
}

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

/* The environment is gone when its PID 1 can be reaped: the kernel ends everything else before. */
static int take_signal(int signals, pid_t init, int *how) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGCHLD) kill(init, SIGKILL);
    if (info.ssi_signo == SIGCHLD && waitpid(init, how, WNOHANG) == init) return 1;
  }
  return 0;
}

static int supervise(pid_t init, int signals, struct relay relays[3]) {
  int how = 0;
  /* When PID 1 was killed, so that nobody may be there to take what was written, the rest is dropped. */
  for (int gone = 0; !gone || (WIFEXITED(how) && !relays_drained(relays));) {
    struct pollfd ready[7];
    relays_poll(relays, ready);
    ready[6] = (struct pollfd){.fd = signals, .events = POLLIN};
    if (poll(ready, 7, -1) < 0 && errno != EINTR) break;
    relays_move(relays, ready);
    if (!ready[6].revents) continue;
    if (gone) break; /* asked to end while nobody takes the rest of the output */
    gone = take_signal(signals, init, &how);
  }
  return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

int main(void) {
  report_to(CONTROL_FD);
  sys_close_range(CONTROL_FD + 1, ~0u, 0);
  fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
  int signals = block_signals();
  struct plan plan;
  plan_read(CONTROL_FD, &plan);
  die_with_daemon(&plan);

  const struct operation *identity = plan_find(&plan, OP_IDENTITY);
  struct relay relays[3];
  int stdio[3];
  relays_open(relays, stdio, identity_uid(identity), identity_gid(identity));
  int lifeline[2];
  if (pipe2(lifeline, O_CLOEXEC) < 0) fail("create a pipe", "");
  if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0) fail("create the namespaces", "");
  pid_t pid = fork();
  if (pid < 0) fail("create PID 1", "");
  if (pid == 0) {
    close(lifeline[1]);
    close(signals);
    relays_leave(relays, stdio);
    init_run(&plan, lifeline[0]);
  }
  /* Only PID 1 talks to the daemon from here on: its end is the channel's. */
  close(CONTROL_FD);
  close(lifeline[0]);
  for (int i = 0; i < 3; i++) close(stdio[i]);
  return supervise(pid, signals, relays);
}
