/*
 * timer COUNT [PREPARE] -- COMMAND ARG…: microseconds from fork(2) to the end of COMMAND, one line for each time. PREPARE is
 * given to a shell before each, and is not in it. Status 1, and the command's number, when it fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
  int at = 2;
  while (at < argc && strcmp(argv[at], "--") != 0) at++;
  if (at + 1 >= argc) return 2;
  const char *prepare = at > 2 ? argv[2] : NULL;
  for (int i = 0; i < atoi(argv[1]); i++) {
    if (prepare && system(prepare) != 0) return 3;
    double began = now();
    pid_t pid = vfork();
    if (pid == 0) {
      execve(argv[at + 1], argv + at + 1, environ);
      _exit(127);
    }
    int status;
    waitpid(pid, &status, 0);
    if (status != 0) {
      fprintf(stderr, "timer: time %d failed with %d\n", i + 1, status);
      return 1;
    }
    printf("%.1f\n", now() - began);
  }
  return 0;
}
