#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "filter.h"
#include "message.h"
#include "settings.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif
#define REQUEST_DEADLINE_S 10
/* Who types sudo by habit finds one, behind the environment's own. */
#define ROOT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:" INNER_PROGRAMS
#define USER_PATH "/usr/local/bin:/usr/bin:/bin"

struct session {
  const struct user *user;
  const char *name;
  bool as_user;
  int connection;
  int streams[3];
  int master; /* of the terminal, or -1 */
  char **arguments;
  char **environment;
  const char *directory;
};

static void set_deadline(int connection, time_t seconds) {
  struct timeval deadline = {.tv_sec = seconds};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
}

static void refuse_request(void) { refuse("REQUEST_INVALID", "the request cannot be understood", "Are both programs of one version?"); }

/* By the kernel's word. Whoever acts as the user inside has the same id for it as root has. */
static void check_inner(int connection) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || (peer.uid != 0 && !is_weak(WEAK_IDENTITY)))
    refuse("NOT_ALLOWED", "only the environment's user becomes root here", "");
}

static void open_terminal(struct session *session, const struct message *request) {
  struct winsize size = {.ws_row = (unsigned short)atoi(request->strings[3]), .ws_col = (unsigned short)atoi(request->strings[4])};
  int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  int unlocked = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0) fail("make a terminal", "/dev/pts/ptmx");
  int terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0) fail("open the terminal", "");
  ioctl(master, TIOCSWINSZ, &size);
  session->master = master;
  for (int i = 0; i < 3; i++) session->streams[i] = terminal;
}

/* enter NAME root|user ROWS COLUMNS DIRECTORY N ARG×N ENV… */
static void understand(struct session *session, const struct message *request, bool is_inner) {
  if (request->count < 7 || strcmp(request->strings[0], "enter") != 0) refuse_request();
  size_t arguments = strtoul(request->strings[6], NULL, 10);
  if (arguments > request->count - 7) refuse_request();
  session->as_user = strcmp(request->strings[2], "user") == 0;
  session->directory = request->strings[5];
  session->environment = request->strings + 7 + arguments;
  session->arguments = calloc(arguments + 1, sizeof(char *));
  if (!session->arguments) fail("allocate memory", "");
  memcpy(session->arguments, request->strings + 7, arguments * sizeof(char *));
  size_t passed = is_inner ? 0 : 1;
  if (atoi(request->strings[3]) > 0) {
    open_terminal(session, request);
    return;
  }
  if (request->fd_count != passed + 3) refuse_request();
  for (int i = 0; i < 3; i++) session->streams[i] = request->fds[passed + (size_t)i];
}

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
static char **make_environment(const struct session *session) {
  static const char *const OURS[] = {"HOME", "USER", "LOGNAME", "SHELL", "PATH", "MAIL", "TEES_ENVIRONMENT", "debian_chroot", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"};
  size_t count = 0, kept = 0;
  const char *path = USER_PATH;
  while (session->environment[count]) count++;
  char **variables = calloc(count + 9, sizeof *variables);
  if (!variables) fail("allocate memory", "");
  for (size_t i = 0; i < count; i++) {
    if (strncmp(session->environment[i], "PATH=", 5) == 0) path = session->environment[i] + 5;
    if (!is_one_of(session->environment[i], OURS, COUNT_OF(OURS))) variables[kept++] = session->environment[i];
  }
  const struct user *user = session->user;
  const char *name = session->as_user ? user->name : "root";
  variables[kept++] = variable("HOME", session->as_user ? user->home : "/root");
  variables[kept++] = variable("USER", name);
  variables[kept++] = variable("LOGNAME", name);
  variables[kept++] = variable("SHELL", shell_of(user));
  variables[kept++] = variable("TEES_ENVIRONMENT", session->name);
  /* Debian's prompts show it: one sees where one is. */
  variables[kept++] = variable("debian_chroot", session->name);
  char *users_path;
  if (asprintf(&users_path, "%s:%s", INNER_PROGRAMS, path) < 0) fail("allocate memory", "");
  variables[kept++] = variable("PATH", session->as_user ? users_path : ROOT_PATH);
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
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_command(const struct session *session, int unshared, int mapped, int failed) __attribute__((noreturn));
static void run_command(const struct session *session, int unshared, int mapped, int failed) {
  char login_name[PATH_SIZE];
  if (setsid() < 0) fail("start a session", "");
  /* In ascending order, and none of them is one of the three. */
  for (int i = 0; i < 3; i++)
    if (dup2(session->streams[i], i) < 0) fail("pass on a stream", "");
  if (session->master >= 0 && ioctl(0, TIOCSCTTY, 0) < 0) fail("take the terminal", "");
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS) fail("join a new session keyring", "");
  if (session->as_user) become_user(session->user, unshared, mapped);
  filter_inside(false);
  if (chdir(session->directory) < 0 && chdir(session->as_user ? session->user->home : "/root") < 0 && chdir("/") < 0)
    fail("enter the directory", "/");
  char **variables = make_environment(session);
  reset_signals();
  sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  if (session->arguments[0]) {
    const char *path = session->as_user ? USER_PATH : ROOT_PATH;
    for (char **at = variables; *at; at++)
      if (strncmp(*at, "PATH=", 5) == 0) path = *at + 5;
    setenv("PATH", path, 1);
    execvpe(session->arguments[0], session->arguments, variables);
  } else {
    const char *shell = shell_of(session->user);
    snprintf(login_name, sizeof login_name, "-%s", strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell);
    execve(shell, (char *[]){login_name, NULL}, variables);
  }
  int error = errno;
  if (write(failed, &error, sizeof error) < 0) _exit(STATUS_FAILED);
  _exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE);
}

static void refuse_command(const struct session *session, int error) {
  char text[PATH_SIZE];
  snprintf(text, sizeof text, "cannot execute %s: %s", session->arguments[0] ? session->arguments[0] : "a shell", strerror(error));
  refuse(error == ENOENT ? "COMMAND_NOT_FOUND" : "COMMAND_NOT_EXECUTABLE", text, "It is looked for inside the environment.");
}

static pid_t start_command(const struct session *session) {
  int unshared[2], mapped[2], failed[2];
  if (pipe2(unshared, O_CLOEXEC) < 0 || pipe2(mapped, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0) fail("create a pipe", "");
  pid_t pid = fork();
  if (pid < 0) fail("start a process", "");
  if (pid == 0) {
    close(unshared[0]);
    close(mapped[1]);
    close(failed[0]);
    run_command(session, unshared[1], mapped[0], failed[1]);
  }
  close(unshared[1]);
  close(mapped[0]);
  close(failed[1]);
  char one = 'm';
  if (session->as_user) {
    if (read(unshared[0], &one, 1) != 1) _exit(STATUS_FAILED);
    map_user(session->user, pid);
    if (write(mapped[1], &one, 1) != 1) _exit(STATUS_FAILED);
  }
  int error = 0;
  ssize_t got = read(failed[0], &error, sizeof error);
  close(unshared[0]);
  close(mapped[1]);
  close(failed[0]);
  if (got == sizeof error) refuse_command(session, error);
  return pid;
}

/* True for as long as somebody is there. */
static bool take_signal(int connection, pid_t pid) {
  struct message message;
  if (message_receive(connection, &message) < 0) return false;
  if (message.count == 2 && strcmp(message.strings[0], "signal") == 0) {
    int number = atoi(message.strings[1]);
    if (number > 0 && number < NSIG) kill(-pid, number);
  }
  message_free(&message);
  return true;
}

/* The session ends with its command. Who goes before that hangs up: what ignores it goes on. */
static void accompany(const struct session *session, pid_t pid) __attribute__((noreturn));
static void accompany(const struct session *session, pid_t pid) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  AUTO_CLOSE int signals = signalfd(-1, &ends, SFD_CLOEXEC);
  struct pollfd polled[] = {{.fd = signals, .events = POLLIN}, {.fd = session->connection, .events = POLLIN}};
  int status;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (poll(polled, 2, -1) < 0) continue;
    struct signalfd_siginfo info;
    if ((polled[0].revents & POLLIN) && read(signals, &info, sizeof info) < 0) continue;
    if (polled[1].revents && !take_signal(session->connection, pid)) {
      polled[1].fd = -1;
      kill(-pid, SIGHUP);
      kill(-pid, SIGCONT);
    }
  }
  char text[16];
  snprintf(text, sizeof text, "%d", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  message_say(session->connection, "exited", text);
  _exit(0);
}

void session_run(const struct user *user, const char *name, int connection, bool is_inner) {
  struct session session = {.user = user, .name = name, .connection = connection, .master = -1};
  struct message request;
  failures_to(connection);
  if (is_inner) check_inner(connection);
  set_deadline(connection, REQUEST_DEADLINE_S);
  if (message_receive(connection, &request) < 0) _exit(STATUS_FAILED);
  if (!is_inner) {
    if (request.fd_count < 1) _exit(STATUS_FAILED);
    failures_to(session.connection = request.fds[0]);
    /* Who has handed it on would do so again otherwise, when this environment is just ending. */
    if (write(connection, REQUEST_TAKEN, 1) != 1) _exit(STATUS_FAILED);
  }
  set_deadline(session.connection, 0);
  understand(&session, &request, is_inner);
  pid_t pid = start_command(&session);
  if (session.master >= 0) message_send(session.connection, &session.master, 1, (const char *const[]){"started", NULL});
  else message_say(session.connection, "started");
  /* The terminal hangs up when the client is gone; streams end when the command has closed them. */
  if (session.master >= 0) close(session.master);
  for (int i = 0; i < 3; i++) close(session.streams[i]);
  accompany(&session, pid);
}
