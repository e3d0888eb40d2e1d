/*
 * listen PORT READY_FD -- CMD ARG…
 *
 * Runs CMD for each connection to the TCP port, with the connection as its standard input and output, as inetd(8) does.
 * Writes "ready\n" to READY_FD, and closes it, when connections are taken.
 */
#include "init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const int BACKLOG = 4096;
static const useconds_t RETRY_US = 100000;

static int open_port(const char *port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      bind(fd, (struct sockaddr *)&any, sizeof any) == 0 && listen(fd, BACKLOG) == 0)
    return fd;
  complain("cannot listen on port", port);
  return -1;
}

static void serve(int connection, char **command) __attribute__((noreturn));
static void serve(int connection, char **command) {
  int on = 1;
  /* Answers are short; each is waited for. */
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  signal(SIGCHLD, SIG_DFL);
  if (dup2(connection, STDIN_FILENO) < 0 || dup2(connection, STDOUT_FILENO) < 0)
    _exit(complain("cannot pass on a connection", NULL));
  execute(command);
}

int listen_main(int argc, char **argv) {
  char **command = command_of(argc, argv);
  if (!command || argc < 5) return 2;
  int listener = open_port(argv[1]);
  if (listener < 0) return 1;
  signal(SIGCHLD, SIG_IGN); /* reaped by the kernel */
  int ready = atoi(argv[2]);
  if (dprintf(ready, "ready\n") < 0) return complain("cannot say that it is ready", argv[2]);
  close(ready);
  for (;;) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    pid_t child = connection < 0 ? 0 : fork();
    if (connection >= 0 && child == 0) serve(connection, command);
    if (connection >= 0) close(connection);
    /* No descriptors or no processes left: later there may be. */
    if (connection < 0 || child < 0) usleep(RETRY_US);
  }
}
