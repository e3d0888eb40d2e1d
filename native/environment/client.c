/*
 * tees-enter: comes into an environment. It is what `tees shell` and `tees exec` are in the end; inside, by other names, it
 * makes root of the user, and the user of root (inner.h).
 *
 *   tees-enter [--environment NAME] [--as-user] [--socket PATH] [--log-in] [-- COMMAND ARG…]
 *   tees-enter [--socket PATH] --export NAME >TAR, --import NAME <TAR
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "environment.h"
#include "inner.h"
#include "message.h"

#define DEFAULT_SOCKET "/run/tees/environments.sock"
#define DEFAULT_NAME "default"

extern char **environ;

struct options {
  const char *socket, *name, *transfer;
  bool as_user, is_log_in, is_inner;
  char **command;
};

static struct termios terminal_before;
static bool terminal_is_raw;

static void leave_raw(void) {
  if (terminal_is_raw) tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_before);
  terminal_is_raw = false;
}

static void end(int status) __attribute__((noreturn));
static void end(int status) {
  leave_raw();
  exit(status);
}

static void say_error(const char *code, const char *message, const char *hint) {
  fprintf(stderr, "tees: %s: %s\n", code, message);
  if (*hint) fprintf(stderr, "  %s\n", hint);
}

/* Nobody is locked out: who logs in gets a shell of the node's, and is told so. sshd(8) has said which is theirs. */
static void be_plain_shell(const struct options *options) {
  const char *shell = getenv("SHELL");
  if (!shell || access(shell, X_OK) < 0) shell = "/bin/sh";
  const char *base = strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell;
  fprintf(stderr, "tees: you are on the login node itself, not in your environment\n");
  char name[PATH_SIZE];
  snprintf(name, sizeof name, "-%s", base);
  if (options->command) execvp(options->command[0], options->command);
  else execl(shell, name, (char *)NULL);
  perror("tees: cannot start a shell");
}

static void give_up(const struct options *options, const char *code, const char *message, const char *hint) __attribute__((noreturn));
static void give_up(const struct options *options, const char *code, const char *message, const char *hint) {
  leave_raw();
  say_error(code, message, hint);
  if (options->is_log_in) be_plain_shell(options);
  end(strcmp(code, "COMMAND_NOT_FOUND") == 0 ? STATUS_NOT_FOUND : strcmp(code, "COMMAND_NOT_EXECUTABLE") == 0 ? STATUS_CANNOT_EXECUTE : STATUS_FAILED);
}

static int reach(const struct options *options) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (strlen(options->socket) >= sizeof address.sun_path)
    give_up(options, "SOCKET_PATH_TOO_LONG", options->socket, "A shorter runtimeDirectory is needed.");
  strcpy(address.sun_path, options->socket);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  char text[PATH_SIZE];
  snprintf(text, sizeof text, "cannot reach %s: %s", options->socket, strerror(errno));
  give_up(options, "DAEMON_DOWN", text, "Does the login daemon run here, with environments switched on?");
}

static bool has_terminal(void) { return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO); }

/* enter NAME root|user ROWS COLUMNS DIRECTORY N ARG×N ENV… */
static void ask(const struct options *options, int fd) {
  size_t arguments = 0, variables = 0;
  while (options->command && options->command[arguments]) arguments++;
  while (environ[variables]) variables++;
  const char **strings = calloc(arguments + variables + 8, sizeof *strings);
  char rows[16] = "0", columns[16] = "0", count[24], directory[PATH_SIZE];
  struct winsize size = {.ws_row = 24, .ws_col = 80};
  if (!strings) give_up(options, "ENVIRONMENT_FAILED", "there is no memory", "");
  if (has_terminal()) {
    ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
    snprintf(rows, sizeof rows, "%u", size.ws_row ? size.ws_row : 24);
    snprintf(columns, sizeof columns, "%u", size.ws_col ? size.ws_col : 80);
  }
  snprintf(count, sizeof count, "%zu", arguments);
  if (!getcwd(directory, sizeof directory)) strcpy(directory, "/");
  const char *head[] = {"enter", options->name, options->as_user ? "user" : "root", rows, columns, directory, count};
  memcpy(strings, head, sizeof head);
  memcpy(strings + COUNT_OF(head), options->command, arguments * sizeof *strings);
  memcpy(strings + COUNT_OF(head) + arguments, environ, variables * sizeof *strings);
  const int streams[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  /* Who refuses does not listen to all of it, but has said why. */
  if (message_send(fd, streams, has_terminal() ? 0 : 3, strings) < 0 && errno != EPIPE)
    give_up(options, "DAEMON_DOWN", strerror(errno), "");
  free(strings);
}

/* The terminal's master, or -1. Returns when the command runs. */
static int await_start(const struct options *options, int fd) {
  struct message answer;
  if (message_receive(fd, &answer) < 0)
    give_up(options, "ENVIRONMENT_ENDED", "the environment has ended before the command began", "");
  if (answer.count >= 4 && strcmp(answer.strings[0], "error") == 0)
    give_up(options, answer.strings[1], answer.strings[2], answer.strings[3]);
  int master = answer.fd_count > 0 ? dup(answer.fds[0]) : -1;
  message_free(&answer);
  return master;
}

/* By the keeper itself, with this program's streams. */
static void transfer(const struct options *options, int fd) __attribute__((noreturn));
static void transfer(const struct options *options, int fd) {
  const int streams[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  struct message answer;
  bool is_sent = message_send(fd, streams, 3, (const char *const[]){options->transfer, options->name, NULL}) == 0 || errno == EPIPE;
  if (!is_sent || message_receive(fd, &answer) < 0)
    give_up(options, "DAEMON_LOST", "the keeper of environments went away before it had answered", "See the login daemon's log.");
  if (answer.count >= 4 && strcmp(answer.strings[0], "error") == 0)
    give_up(options, answer.strings[1], answer.strings[2], answer.strings[3]);
  end(0);
}

static void make_raw(void) {
  if (tcgetattr(STDIN_FILENO, &terminal_before) < 0) return;
  struct termios raw = terminal_before;
  cfmakeraw(&raw);
  terminal_is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static void pass_window_size(int master) {
  struct winsize size;
  if (master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ioctl(master, TIOCSWINSZ, &size);
}

static bool write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t put = write(fd, bytes, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes += put;
    size -= (size_t)put;
  }
  return true;
}

/* False at its end. */
static bool move(int from, int to) {
  char bytes[16384];
  ssize_t got = read(from, bytes, sizeof bytes);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  return got > 0 && write_all(to, bytes, (size_t)got);
}

static void pass_signal(int fd, int signals, int master) {
  struct signalfd_siginfo info;
  char number[16];
  if (read(signals, &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo == SIGWINCH) {
    pass_window_size(master);
    return;
  }
  snprintf(number, sizeof number, "%u", info.ssi_signo);
  message_say(fd, "signal", number);
}

static int block_signals(void) {
  static const int PASSED[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < COUNT_OF(PASSED); i++) sigaddset(&set, PASSED[i]);
  sigprocmask(SIG_BLOCK, &set, NULL);
  return signalfd(-1, &set, SFD_CLOEXEC);
}

/* What the command has written before its end is still in the terminal. */
static void drain(int master) {
  struct pollfd polled = {.fd = master, .events = POLLIN};
  while (master >= 0 && poll(&polled, 1, 0) > 0 && (polled.revents & POLLIN))
    if (!move(master, STDOUT_FILENO)) return;
}

static int accompany(const struct options *options, int fd, int signals, int master) {
  struct pollfd polled[] = {{.fd = fd, .events = POLLIN},
                            {.fd = signals, .events = POLLIN},
                            {.fd = master, .events = POLLIN},
                            {.fd = master >= 0 ? STDIN_FILENO : -1, .events = POLLIN}};
  for (;;) {
    if (poll(polled, COUNT_OF(polled), -1) < 0) continue;
    if (polled[1].revents) pass_signal(fd, signals, master);
    if (polled[3].revents && !move(STDIN_FILENO, master)) polled[3].fd = -1;
    if (polled[2].revents && !move(master, STDOUT_FILENO)) polled[2].fd = -1;
    if (!polled[0].revents) continue;
    struct message message;
    if (message_receive(fd, &message) < 0) give_up(&(struct options){0}, "ENVIRONMENT_ENDED", "the environment has ended", "Somebody has stopped it: tees env list shows what runs.");
    if (message.count == 2 && strcmp(message.strings[0], "exited") == 0) {
      drain(master);
      return atoi(message.strings[1]);
    }
    if (message.count >= 4 && strcmp(message.strings[0], "error") == 0)
      give_up(options, message.strings[1], message.strings[2], message.strings[3]);
    message_free(&message);
  }
}

static void say_usage(void) __attribute__((noreturn));
static void say_usage(void) {
  fprintf(stderr, "usage: tees-enter [--environment NAME] [--as-user] [--socket PATH] [--log-in] [-- COMMAND ARG…]\n"
                  "       tees-enter --export NAME | --import NAME [--socket PATH]\n");
  exit(2);
}

static void read_options(int count, char **arguments, struct options *options) {
  static const struct option LONG[] = {{"environment", required_argument, NULL, 'e'}, {"as-user", no_argument, NULL, 'u'},
                                       {"socket", required_argument, NULL, 's'},      {"log-in", no_argument, NULL, 'l'},
                                       {"export", required_argument, NULL, 'x'},   {"import", required_argument, NULL, 'i'},
                                       {NULL, 0, NULL, 0}};
  for (int option; (option = getopt_long(count, arguments, "+e:us:l", LONG, NULL)) != -1;) {
    if (option == 'e') options->name = optarg;
    else if (option == 'u') options->as_user = true;
    else if (option == 's') options->socket = optarg;
    else if (option == 'l') options->is_log_in = true;
    else if (option == 'x' || option == 'i') {
      options->transfer = option == 'x' ? "export" : "import";
      options->name = optarg;
    }
    else say_usage();
  }
  if (optind < count) options->command = arguments + optind;
  /* sshd(8), ForceCommand: what was asked for, for a shell. */
  static char *asked[] = {"/bin/sh", "-c", NULL, NULL};
  if (options->is_log_in && !options->command && (asked[2] = getenv("SSH_ORIGINAL_COMMAND"))) options->command = asked;
}

int main(int count, char **arguments) {
  const char *path = getenv("TEES_ENVIRONMENTS_SOCKET"), *own = strrchr(arguments[0], '/');
  struct options options = {.socket = path && *path ? path : DEFAULT_SOCKET, .name = DEFAULT_NAME};
  options.is_inner = inner_read(own ? own + 1 : arguments[0], count, arguments, &options.command, &options.as_user);
  if (options.is_inner) options.socket = INNER_SOCKET;
  else read_options(count, arguments, &options);
  int fd = reach(&options);
  if (options.transfer) transfer(&options, fd);
  ask(&options, fd);
  int signals = block_signals(), master = await_start(&options, fd);
  if (master >= 0) {
    make_raw();
    pass_window_size(master);
  }
  end(accompany(&options, fd, signals, master));
}
