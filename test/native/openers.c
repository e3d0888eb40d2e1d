/*
 * Many openers of one path, for tests: openers COUNT PATH [noise]
 *
 * COUNT processes open PATH and end. On standard output comes one line for each that ended by itself: `0` and the
 * moment at which its open returned (CLOCK_MONOTONIC, nanoseconds), or the errno and the moment. With `noise` each has
 * a handler for SIGALRM, without SA_RESTART, that a timer calls every 20 ms, and a child that ends at once (SIGCHLD).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void nothing(int signal) { (void)signal; }

static void make_noise(void) {
  struct sigaction action = {.sa_handler = nothing};
  struct itimerval every = {.it_interval = {.tv_usec = 20000}, .it_value = {.tv_usec = 20000}};
  sigaction(SIGALRM, &action, NULL);
  sigaction(SIGCHLD, &action, NULL);
  setitimer(ITIMER_REAL, &every, NULL);
  if (fork() == 0) {
    usleep(100000);
    _exit(0);
  }
}

static void open_and_tell(const char *path) {
  struct timespec now;
  int error = open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
  clock_gettime(CLOCK_MONOTONIC, &now);
  dprintf(STDOUT_FILENO, "%d %lld\n", error, (long long)now.tv_sec * 1000000000 + now.tv_nsec);
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  for (int left = atoi(argv[1]); left > 0; left--) {
    pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid > 0) continue;
    if (argc > 3) make_noise();
    open_and_tell(argv[2]);
  }
  while (wait(NULL) > 0 || errno == EINTR) continue;
  return 0;
}
