#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "launch.h"
#include "mounts.h"
#include "report.h"
#include "task.h"

/* The launcher's death is PID 1's. It may have died before this was asked for: then the lifeline has no writer. */
static void die_with_launcher(int lifeline) {
  struct pollfd line = {.fd = lifeline};
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail("die with the launcher", "");
  if (poll(&line, 1, 0) != 0) _exit(STATUS_KILLED);
}

/* All it does from here on is to reap, and to signal processes of another user. */
static void keep_only_kill(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
  data[0].effective = data[0].permitted = 1u << CAP_KILL;
  if (syscall(SYS_capset, &header, data) < 0) fail("drop the capabilities of PID 1", "");
}

/*
 * The launcher lets no task run when its daemon died meanwhile, and writes down that this one does. Signals come
 * behind its answer.
 */
static void await_leave(void) {
  unsigned char answer;
  report_ready();
  ssize_t got;
  do got = read(CONTROL_FD, &answer, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) _exit(STATUS_KILLED);
}

/* Gives the read end of what the task reports; it ends without a word when the program runs. */
static int start_task(struct task *task, pid_t *pid) {
  int reports[2];
  if (pipe2(reports, O_CLOEXEC) < 0) fail("create a pipe", "");
  plan_require(task->directory, 1);
  *pid = fork();
  if (*pid < 0) fail("create a process", "");
  if (*pid == 0) {
    report_to(reports[1]);
    task_run(task);
  }
  close(reports[1]);
  return reports[0];
}

/* Returns true with the task's status when the task has ended. */
static bool reap(pid_t task, int *status) {
  int how;
  for (pid_t pid; (pid = waitpid(-1, &how, WNOHANG)) > 0;) {
    if (pid != task) continue;
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    return true;
  }
  return false;
}

/* From the launcher: a byte is a signal's number; the end is the end. */
static void pass_signals(pid_t task) {
  unsigned char numbers[64];
  ssize_t got = read(CONTROL_FD, numbers, sizeof numbers);
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) _exit(STATUS_KILLED);
  for (ssize_t i = 0; i < got; i++)
    if (numbers[i] > 0 && numbers[i] < NSIG) kill(-task, numbers[i]);
}

/* True while there may be more. What the task reports is a failure, and the end; silence is success. */
static bool pass_report(int reports) {
  static bool failed;
  char bytes[4096];
  ssize_t got = read(reports, bytes, sizeof bytes);
  if (got < 0) return errno == EINTR;
  if (got == 0) {
    if (failed) _exit(STATUS_FAILED);
    report_running();
    return false;
  }
  failed = true;
  return send(CONTROL_FD, bytes, (size_t)got, MSG_NOSIGNAL) == got;
}

static void supervise(pid_t task, int reports, int signals) __attribute__((noreturn));
static void supervise(pid_t task, int reports, int signals) {
  int status = STATUS_FAILED;
  bool ended = false;
  for (;;) {
    /* A task that ended at once: its report comes before its status. */
    if (ended && reports < 0) _exit(status);
    struct pollfd ready[] = {
        {.fd = CONTROL_FD, .events = POLLIN}, {.fd = signals, .events = POLLIN}, {.fd = reports, .events = POLLIN}};
    if (poll(ready, 3, -1) < 0 && errno != EINTR) _exit(STATUS_FAILED);
    if (ready[2].revents && !pass_report(reports)) {
      close(reports);
      reports = -1;
    }
    struct signalfd_siginfo info;
    if (ready[1].revents && read(signals, &info, sizeof info) > 0 && !ended) ended = reap(task, &status);
    if (ready[0].revents) pass_signals(task);
  }
}

static void execute_plan(const struct plan *plan, struct mounts *mounts, struct task *task) {
  for (size_t i = 0; i < plan->count; i++) {
    const struct operation *operation = &plan->operations[i];
    switch (operation->code) {
      case OP_IDENTITY: task->identity = operation; break;
      case OP_ENTER:
        plan_require(operation, 1);
        if (chdir(operation->strings[0]) < 0) fail("enter the job's directory", operation->strings[0]);
        break;
      case OP_GUARD: guard_names(task->identity); break;
      case OP_OVERLAY: mounts_overlay(mounts, operation); break;
      case OP_HIDE: mounts_hide(mounts, operation); break;
      case OP_EXCLUDE: mounts_exclude(mounts, operation); break;
      case OP_ATTACH: mounts_attach(mounts, operation); break;
      case OP_PROC: mounts_proc(mounts, operation); break;
      case OP_COVER: mounts_cover(mounts); break;
      case OP_HOOK: mounts_hook(mounts, operation); break;
      case OP_PIVOT: mounts_pivot(mounts); break;
      case OP_ENVIRONMENT: task->environment = operation; break;
      case OP_FILTER: task->filter = operation; break;
      case OP_DIRECTORY: task->directory = operation; break;
      case OP_RUN: task->command = operation; break;
      case OP_TRACE:
      case OP_LIMITS: break; /* the launcher's */
      default: errno = EBADMSG; fail("read the plan", "");
    }
  }
}

void init_run(const struct plan *plan, int lifeline) {
  die_with_launcher(lifeline);
  struct mounts mounts = {.stage = -1, .proc = -1};
  struct task task = {
      .environment = plan_find(plan, OP_ENVIRONMENT),
      .identity = plan_find(plan, OP_IDENTITY),
      .directory = plan_find(plan, OP_DIRECTORY),
      .command = plan_find(plan, OP_RUN),
      .filter = plan_find(plan, OP_FILTER),
  };
  plan_find(plan, OP_PIVOT);
  mounts_make_private();
  execute_plan(plan, &mounts, &task);
  /* Once more: a change of the file system's user, as OP_GUARD makes, has made the kernel forget it. */
  die_with_launcher(lifeline);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) fail("wait for signals", "");
  task.proc = mounts.proc;
  await_leave();
  pid_t pid;
  int reports = start_task(&task, &pid);
  /* The standard streams are the task's alone: only then does their end show. */
  for (int i = 0; i < 3; i++) close(i);
  close(lifeline);
  close(mounts.stage);
  close(mounts.proc);
  keep_only_kill();
  prctl(PR_SET_DUMPABLE, 0);
  supervise(pid, reports, signals);
}
