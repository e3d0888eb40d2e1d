#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"
#include "identity.h"
#include "launch.h"
#include "report.h"
#include "syscalls.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif
/* As glibc's confstr(_CS_PATH), with the place for local programs. */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* The daemon may be protected from the kernel's out-of-memory killer; the task is not. */
static void reset_oom_score(int proc) {
  AUTO_CLOSE int fd = openat(proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) fail("reset the out-of-memory score", "/proc/self/oom_score_adj");
}

static void drop_bounding_set(void) {
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) fail("drop the capability bounding set", "");
}

static void drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) fail("clear the ambient capabilities", "");
  if (syscall(SYS_capset, &header, none) < 0) fail("drop the capabilities", "");
}

static void become(const struct operation *identity) {
  uid_t uid = identity_uid(identity);
  gid_t gid = identity_gid(identity);
  drop_bounding_set();
  identity_set_groups(identity);
  if (setresgid(gid, gid, gid) < 0) fail("set the group", identity->strings[1]);
  if (setresuid(uid, uid, uid) < 0) fail("set the user", identity->strings[0]);
  drop_capabilities();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("set no_new_privs", "");
  /* After the change of user: the new keyring is the user's. A kernel without keyrings has none to leave. */
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
    fail("join a new session keyring", "");
}

/* By which it asks for nothing any more that is refused; no_new_privs is set. */
static void install_filter(const struct operation *filter) {
  unsigned allowances = 0;
  for (uint32_t i = 0; i < filter->count; i++) {
    enum allowance allowance = allowance_of(filter->strings[i]);
    errno = EINVAL;
    if (!allowance) fail("allow", filter->strings[i]);
    allowances |= allowance;
  }
  if (filter_install(allowances, false) < 0) fail("install the system call filter", "");
}

static void enter_directory(const char *directory) {
  if (chdir(directory) == 0) return;
  dprintf(STDERR_FILENO, "tees: cannot enter %s: %s; starting in /\n", directory, strerror(errno));
  if (chdir("/") < 0) fail("enter the directory", "/");
}

/* Dispositions survive an exec as "ignored", the mask as it is. */
static void reset_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Returns only when it failed. ENOENT for a file that exists means that its interpreter does not. */
static void try_execute(const char *path, char **arguments, char **environment) {
  execve(path, arguments, environment);
  struct stat found;
  if (errno != ENOENT) return;
  if (lstat(path, &found) == 0) {
    errno = ENOENT;
    fail("find the interpreter", path);
  }
  errno = ENOENT;
}

static const char *search_path(char **environment) {
  for (; *environment; environment++)
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  return DEFAULT_PATH;
}

/* execvpe(3), as it would behave inside, but a file without an interpreter is not given to a shell. */
static void search_and_execute(char **arguments, char **environment) {
  const char *name = arguments[0];
  char path[PATH_MAX], refused[PATH_MAX] = "";
  if (strchr(name, '/') || !*name) {
    try_execute(name, arguments, environment);
    fail("execute", name);
  }
  for (const char *at = search_path(environment), *colon; at; at = *colon ? colon + 1 : NULL) {
    colon = strchrnul(at, ':');
    int length = (int)(colon - at);
    int size = snprintf(path, sizeof path, "%.*s%s%s", length, at, length ? "/" : "", name);
    if (size >= (int)sizeof path) continue;
    try_execute(path, arguments, environment);
    if (errno == EACCES) strcpy(refused, path);
    else if (errno != ENOENT && errno != ENOTDIR) fail("execute", path);
  }
  errno = *refused ? EACCES : ENOENT;
  fail("execute", *refused ? refused : name);
}

/* Nothing runs: the environment is there until this is ended. That no channel of reports is left says that all is well. */
static void stay(void) __attribute__((noreturn));
static void stay(void) {
  sys_close_range(0, ~0u, 0);
  for (;;) pause();
}

void task_run(const struct task *task) {
  if (setsid() < 0) fail("start a session", "");
  reset_oom_score(task->proc);
  become(task->identity);
  install_filter(task->filter);
  umask(022);
  enter_directory(task->directory->strings[0]);
  reset_signals();
  if (task->command->count == 0) stay();
  if (sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0) fail("close descriptors", "");
  search_and_execute(task->command->strings, task->environment->strings);
  __builtin_unreachable();
}
