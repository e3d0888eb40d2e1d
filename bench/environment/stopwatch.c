/*
 * Outside, as the user who comes into environments: a command a line on standard input, a line of nanoseconds for an answer.
 *   time PROGRAM ARG…   from before its fork until its end; it must succeed
 *   pass PROGRAM ARG…   the program's own line; it must succeed
 *   hold PROGRAM ARG…   the program's own line; it goes on
 *   release             ends all that are held
 * Inside:
 *   stopwatch work LIST SOURCE OUTPUT   stat, and again; open, read and close, and again; one compilation
 *   stopwatch stay                      until it is told to end
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64
#define HELD_MAX 1024
#define FILES_MAX 100000

static pid_t held[HELD_MAX];
static size_t held_count;
static char *files[FILES_MAX];
static size_t file_count;

static void fail(const char *what) __attribute__((noreturn));
static void fail(const char *what) {
  fprintf(stderr, "stopwatch: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static pid_t start(char **arguments, int is_heard) {
  pid_t pid = vfork();
  if (pid < 0) fail("vfork");
  if (pid > 0) return pid;
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  if (!is_heard) dup2(null, 1);
  execvp(arguments[0], arguments);
  _exit(127);
}

static void finish(pid_t pid, const char *what) {
  int status;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail("waitpid");
  if (status == 0) return;
  fprintf(stderr, "stopwatch: %s ended with status %d\n", what, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  exit(1);
}

static void release(void) {
  long long before = now();
  for (size_t i = 0; i < held_count; i++) kill(held[i], SIGTERM);
  for (size_t i = 0; i < held_count; i++) waitpid(held[i], NULL, 0);
  held_count = 0;
  printf("%lld\n", now() - before);
}

static void obey(char *line) {
  char *arguments[ARGUMENTS_MAX + 1], *rest = NULL;
  size_t count = 0;
  for (char *word = strtok_r(line, " \n", &rest); word && count < ARGUMENTS_MAX; word = strtok_r(NULL, " \n", &rest))
    arguments[count++] = word;
  arguments[count] = NULL;
  if (count == 1 && strcmp(arguments[0], "release") == 0) {
    release();
  } else if (count > 1 && strcmp(arguments[0], "time") == 0) {
    long long before = now();
    finish(start(arguments + 1, 0), arguments[1]);
    printf("%lld\n", now() - before);
  } else if (count > 1 && strcmp(arguments[0], "pass") == 0) {
    finish(start(arguments + 1, 1), arguments[1]);
  } else if (count > 1 && strcmp(arguments[0], "hold") == 0 && held_count < HELD_MAX) {
    held[held_count++] = start(arguments + 1, 1);
  } else {
    errno = EINVAL;
    fail(count > 0 ? arguments[0] : "no command");
  }
}

static void read_list(const char *path) {
  char line[4096];
  FILE *list = fopen(path, "re");
  if (!list) fail(path);
  while (file_count < FILES_MAX && fgets(line, sizeof line, list)) {
    line[strcspn(line, "\n")] = '\0';
    files[file_count++] = strdup(line);
  }
  fclose(list);
}

static long long stat_all(void) {
  struct stat found;
  long long before = now();
  for (size_t i = 0; i < file_count; i++)
    if (stat(files[i], &found) < 0) fail(files[i]);
  return now() - before;
}

static long long read_all(void) {
  static char bytes[1 << 16];
  long long before = now();
  for (size_t i = 0; i < file_count; i++) {
    int fd = open(files[i], O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(files[i]);
    while (read(fd, bytes, sizeof bytes) > 0) {}
    close(fd);
  }
  return now() - before;
}

static long long compile(char *source, char *output) {
  char *arguments[] = {"gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", source, "-o", output, NULL};
  long long before = now();
  finish(start(arguments, 0), "gcc");
  return now() - before;
}

static int work(char *list, char *source, char *output) {
  read_list(list);
  printf("%lld", stat_all());
  printf(" %lld", stat_all());
  printf(" %lld", read_all());
  printf(" %lld", read_all());
  printf(" %lld\n", compile(source, output));
  return 0;
}

static void leave(int number) {
  (void)number;
  _exit(0);
}

static void stay(void) __attribute__((noreturn));
static void stay(void) {
  signal(SIGTERM, leave);
  printf("1\n");
  fflush(stdout);
  for (;;) pause();
}

int main(int count, char **arguments) {
  char line[65536];
  if (count == 5 && strcmp(arguments[1], "work") == 0) return work(arguments[2], arguments[3], arguments[4]);
  if (count == 2 && strcmp(arguments[1], "stay") == 0) stay();
  while (fgets(line, sizeof line, stdin)) {
    obey(line);
    fflush(stdout);
  }
  release();
  return 0;
}
