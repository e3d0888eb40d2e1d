#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "filter.h"
#include "message.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif
/* Who types sudo by habit finds one, behind the environment's own. */
#define ROOT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:" INNER_PROGRAMS
#define USER_PATH "/usr/local/bin:/usr/bin:/bin"

static bool is_one_of(const char *variable, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++) {
    size_t length = strlen(names[i]);
    if (strncmp(variable, names[i], length) == 0 && variable[length] == '=') return true;
  }
  return false;
}

static char *variable(const char *name, const char *value) {
  char *text;
  if (asprintf(&text, "%s=%s", name, value) < 0) fail("allocate memory", "");
  return text;
}

static const char *shell_of(const struct user *user) {
  if (access(user->shell, X_OK) == 0) return user->shell;
  return access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
}

/* What the client has, but for what says who and where one is; that is another one inside. */
static char **make_environment(const struct command *command) {
  static const char *const OURS[] = {"HOME", "USER", "LOGNAME", "SHELL", "PATH", "MAIL", "TEES_ENVIRONMENT", "debian_chroot", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"};
  size_t count = 0, kept = 0;
  const char *path = USER_PATH;
  while (command->environment[count]) count++;
  char **variables = calloc(count + 9, sizeof *variables);
  if (!variables) fail("allocate memory", "");
  for (size_t i = 0; i < count; i++) {
    if (strncmp(command->environment[i], "PATH=", 5) == 0) path = command->environment[i] + 5;
    if (!is_one_of(command->environment[i], OURS, COUNT_OF(OURS))) variables[kept++] = command->environment[i];
  }
  const struct user *user = command->user;
  const char *name = command->as_user ? user->name : "root";
  variables[kept++] = variable("HOME", command->as_user ? user->home : "/root");
  variables[kept++] = variable("USER", name);
  variables[kept++] = variable("LOGNAME", name);
  variables[kept++] = variable("SHELL", shell_of(user));
  variables[kept++] = variable("TEES_ENVIRONMENT", command->environment_name);
  /* Debian's prompts show it: one sees where one is. */
  variables[kept++] = variable("debian_chroot", command->environment_name);
  char *users_path;
  if (asprintf(&users_path, "%s:%s", INNER_PROGRAMS, path) < 0) fail("allocate memory", "");
  variables[kept++] = variable("PATH", command->as_user ? users_path : ROOT_PATH);
  return variables;
}

/* The user's own id, by a namespace within the environment's; its root there has no id, and nobody becomes it by setuid bits. */
static void map_user(const struct user *user, pid_t pid) {
  static const char *const FILES[] = {"uid_map", "gid_map"};
  for (size_t i = 0; i < COUNT_OF(FILES); i++) {
    char path[64], map[160];
    unsigned id = i == 0 ? user->uid : user->gid;
    int size = snprintf(map, sizeof map, "%u 0 1\n", id);
    if (id > 1 && id < ID_COUNT) size += snprintf(map + size, sizeof map - (size_t)size, "1 1 %u\n", id - 1);
    if (id < ID_COUNT - 1) size += snprintf(map + size, sizeof map - (size_t)size, "%u %u %u\n", id + 1, id + 1, ID_COUNT - 1 - id);
    if (id >= ID_COUNT) size += snprintf(map + size, sizeof map - (size_t)size, "1 1 %u\n", ID_COUNT - 1);
    snprintf(path, sizeof path, "/proc/%d/%s", pid, FILES[i]);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, map, (size_t)size) != size) fail("map your own id", path);
  }
}

/* Waits for `map_user`, which answers on `mapped`. */
static void become_user(const struct user *user, int unshared, int mapped) {
  char one = 'u';
  filter_inside(true);
  if (unshare(CLONE_NEWUSER) < 0) fail("create a user namespace", "");
  /* Otherwise its maps belong to the node's root. What it could be made to do from now on is under the filter. */
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (write(unshared, &one, 1) != 1 || read(mapped, &one, 1) != 1) _exit(STATUS_FAILED);
  if (setresgid(user->gid, user->gid, user->gid) < 0 || setresuid(user->uid, user->uid, user->uid) < 0)
    fail("become the user", user->name);
}

static void reset_signals(void) {
  static const int IGNORED[] = IGNORED_SIGNALS;
  for (size_t i = 0; i < COUNT_OF(IGNORED); i++) signal(IGNORED[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the command's process. Returns when it cannot be executed: an error number. */
static int execute(const struct command *command, int unshared, int mapped) {
  char login_name[PATH_SIZE];
  if (setsid() < 0) fail("start a session", "");
  /* In ascending order, and none of them is one of the three. */
  for (int i = 0; i < 3; i++)
    if (dup2(command->streams[i], i) < 0) fail("pass on a stream", "");
  if (command->has_terminal && ioctl(0, TIOCSCTTY, 0) < 0) fail("take the terminal", "");
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS) fail("join a new session keyring", "");
  if (command->as_user) become_user(command->user, unshared, mapped);
  filter_inside(false);
  if (chdir(command->directory) < 0 && chdir(command->as_user ? command->user->home : "/root") < 0 && chdir("/") < 0)
    fail("enter the directory", "/");
  char **variables = make_environment(command);
  reset_signals();
  sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  if (command->arguments[0]) {
    const char *path = command->as_user ? USER_PATH : ROOT_PATH;
    for (char **at = variables; *at; at++)
      if (strncmp(*at, "PATH=", 5) == 0) path = *at + 5;
    setenv("PATH", path, 1);
    execvpe(command->arguments[0], command->arguments, variables);
  } else {
    const char *shell = shell_of(command->user);
    snprintf(login_name, sizeof login_name, "-%s", strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell);
    execve(shell, (char *[]){login_name, NULL}, variables);
  }
  return errno;
}

static void refuse_command(const struct command *command, int error) {
  char text[PATH_SIZE];
  snprintf(text, sizeof text, "cannot execute %s: %s", command->arguments[0] ? command->arguments[0] : "a shell", strerror(error));
  refuse(error == ENOENT ? "COMMAND_NOT_FOUND" : "COMMAND_NOT_EXECUTABLE", text, "It is looked for inside the environment.");
}

/* This process waits meanwhile, and lends its memory: to copy it takes longer than all that is done in it. */
static pid_t start_as_root(const struct command *command) {
  static volatile int error;
  pid_t pid = vfork();
  if (pid < 0) fail("start a process", "");
  if (pid == 0) {
    error = execute(command, -1, -1);
    _exit(STATUS_FAILED);
  }
  if (error) refuse_command(command, error);
  return pid;
}

/* In memory of its own: this process must see to it meanwhile, and it may be looked into by the user. */
static pid_t start_as_user(const struct command *command) {
  int unshared[2], mapped[2], failed[2];
  if (pipe2(unshared, O_CLOEXEC) < 0 || pipe2(mapped, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0) fail("create a pipe", "");
  pid_t pid = fork();
  if (pid < 0) fail("start a process", "");
  if (pid == 0) {
    close(unshared[0]);
    close(mapped[1]);
    close(failed[0]);
    int error = execute(command, unshared[1], mapped[0]);
    _exit(write(failed[1], &error, sizeof error) < 0);
  }
  close(unshared[1]);
  close(mapped[0]);
  close(failed[1]);
  char one;
  if (read(unshared[0], &one, 1) != 1) _exit(STATUS_FAILED);
  map_user(command->user, pid);
  if (write(mapped[1], &one, 1) != 1) _exit(STATUS_FAILED);
  int error = 0;
  ssize_t got = read(failed[0], &error, sizeof error);
  close(unshared[0]);
  close(mapped[1]);
  close(failed[0]);
  if (got == sizeof error) refuse_command(command, error);
  return pid;
}

pid_t command_start(const struct command *command) {
  return command->as_user ? start_as_user(command) : start_as_root(command);
}
