/* tees-init: the table of verbs, and what they share. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct verb {
  const char *name;
  int (*run)(int argc, char **argv);
} VERBS[] = {
    {"supervise", supervise_main}, {"sweep", sweep_main}, {"namespaces", namespaces_main},
    {"net", net_main},             {"node", node_main},   {"enter", enter_main},
    {"listen", listen_main},
};

int complain(const char *what, const char *path) {
  int error = errno;
  fprintf(stderr, "tees-init: %s%s%s: %s\n", what, path ? ": " : "", path ? path : "", strerror(error));
  errno = error;
  return 1;
}

void close_fd(const int *fd) {
  int error = errno;
  if (*fd >= 0) close(*fd);
  errno = error;
}

int join(const char *path, int type) {
  AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -1 : setns(fd, type);
}

void execute(char **command) {
  execvp(command[0], command);
  int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
  complain("cannot execute", command[0]);
  _exit(status);
}

char **command_of(int argc, char **argv) {
  for (int i = 1; i < argc - 1; i++)
    if (strcmp(argv[i], "--") == 0) return argv + i + 1;
  fprintf(stderr, "tees-init %s: no command behind --\n", argv[0]);
  return NULL;
}

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < sizeof VERBS / sizeof *VERBS; i++)
    if (strcmp(argv[1], VERBS[i].name) == 0) return VERBS[i].run(argc - 1, argv + 1);
  fprintf(stderr, "usage: tees-init VERB …, where VERB is one of:");
  for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++) fprintf(stderr, " %s", VERBS[i].name);
  fprintf(stderr, "\n");
  return 2;
}
