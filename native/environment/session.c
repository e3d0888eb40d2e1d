#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "message.h"
#include "settings.h"

#define REQUEST_DEADLINE_S 10

struct session {
  struct command command;
  int connection;
  int master; /* of the terminal, or -1 */
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
  session->command.has_terminal = true;
  for (int i = 0; i < 3; i++) session->command.streams[i] = terminal;
}

/* enter NAME root|user ROWS COLUMNS DIRECTORY N ARG×N ENV… */
static void understand(struct session *session, const struct message *request, bool is_inner) {
  if (request->count < 7 || strcmp(request->strings[0], "enter") != 0) refuse_request();
  size_t arguments = strtoul(request->strings[6], NULL, 10);
  if (arguments > request->count - 7) refuse_request();
  struct command *command = &session->command;
  command->as_user = strcmp(request->strings[2], "user") == 0;
  command->directory = request->strings[5];
  command->environment = request->strings + 7 + arguments;
  command->arguments = calloc(arguments + 1, sizeof(char *));
  if (!command->arguments) fail("allocate memory", "");
  memcpy(command->arguments, request->strings + 7, arguments * sizeof(char *));
  size_t passed = is_inner ? 0 : 1;
  if (atoi(request->strings[3]) > 0) {
    open_terminal(session, request);
    return;
  }
  if (request->fd_count != passed + 3) refuse_request();
  for (int i = 0; i < 3; i++) command->streams[i] = request->fds[passed + (size_t)i];
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
  struct session session = {.command = {.user = user, .environment_name = name}, .connection = connection, .master = -1};
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
  pid_t pid = command_start(&session.command);
  if (session.master >= 0) message_send(session.connection, &session.master, 1, (const char *const[]){"started", NULL});
  else message_say(session.connection, "started");
  /* The terminal hangs up when the client is gone; streams end when the command has closed them. */
  if (session.master >= 0) close(session.master);
  for (int i = 0; i < 3; i++) close(session.command.streams[i]);
  accompany(&session, pid);
}
