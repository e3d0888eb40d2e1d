/* What takes processes, threads and signals. */
#include "operations.h"
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/time.h>

#define THREADS 16
/* layer.ts: what is named so is given late, some seconds after it is waited for. */
#define LATE "late"

extern char **environ;

static char *const arguments[] = {"program", "7", NULL};

#define CHILD(what, call) \
  do { \
    pid_t pid = fork(); \
    if (pid == 0) { \
      call; \
      _exit(errno); \
    } \
    show_end(what, pid); \
  } while (0)

static void execute(void) {
  CHILD("execv", execv("program", arguments));
  CHILD("a script", execl("script", "script", NULL));
  CHILD("not executable", execl("other", "other", NULL));
  CHILD("not a program", execl("nonsense", "nonsense", NULL));
  CHILD("a directory", execl("below", "below", NULL));
  CHILD("nothing", execl("nothing", "nothing", NULL));
  CHILD("through a link", execl("program-link", "program", "9", NULL));
}

static void execute_interpreter(void) { CHILD("execv", execl("interpreted", "interpreted", NULL)); }

static void execute_search(void) {
  setenv("PATH", ".", 1);
  CHILD("execvp", execvp("program", arguments));
  CHILD("a text", execlp("text", "text", NULL));
}

static void execute_descriptor(void) {
  int fd = open("program", O_RDONLY | O_CLOEXEC), path = open("program", O_PATH);
  CHILD("fexecve", fexecve(fd, arguments, environ));
  CHILD("O_PATH", fexecve(path, arguments, environ));
  CHILD("execveat", execveat(path, "", arguments, environ, AT_EMPTY_PATH));
}

static void spawn(void) {
  pid_t pid = 0;
  TRY(posix_spawn(&pid, "program", NULL, NULL, arguments, environ) ? -1 : 0);
  show_end("program", pid);
  say("posix_spawn of nothing: %d", posix_spawn(&pid, "nothing", NULL, NULL, arguments, environ));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "other", O_RDONLY, 0);
  char *const check[] = {"sh", "-c", "read -r word rest; [ \"$word\" = other ]", NULL};
  TRY(posix_spawnp(&pid, "sh", &actions, NULL, check, environ) ? -1 : 0);
  show_end("its input", pid);
}

static void shell(void) {
  NUMBER(system("./program 5; exit $?"));
  char bytes[64] = "";
  FILE *stream = popen("./script; head -c 10 other", "r");
  size_t got = fread(bytes, 1, sizeof bytes - 1, stream);
  say("%zu %s", got, bytes);
  NUMBER(pclose(stream));
  char *none[] = {NULL};
  CHILD("an empty environment", execle("/bin/sh", "sh", "-c", "exec head -c 300000 file >/dev/null", NULL, none));
}

static void busy(void) {
  int pipes[2];
  TRY(pipe2(pipes, 0));
  pid_t pid = fork();
  if (pid == 0) {
    dup2(pipes[1], 1);
    execl("program", "program", "wait", NULL);
    _exit(1);
  }
  char byte;
  close(pipes[1]);
  NUMBER(read(pipes[0], &byte, 1));
  TRY(open("program", O_RDWR));
  TRY(truncate("program", 0));
  kill(pid, SIGKILL);
  show_end("program", pid);
}

static void library(void) {
  void *handle = dlopen("./library.so", RTLD_NOW);
  int (*answer)(void) = handle ? (int (*)(void))dlsym(handle, "answer") : NULL;
  say("%d", answer ? answer() : -1);
  say("%s", dlopen("./nothing.so", RTLD_NOW) ? "there" : "not there");
}

static void say_events(int fd) {
  char bytes[4096];
  ssize_t got = read(fd, bytes, sizeof bytes);
  for (char *at = bytes; at < bytes + got;) {
    struct inotify_event *event = (struct inotify_event *)at;
    say("%d:%x:%s", event->wd, event->mask, event->len ? event->name : "");
    at += sizeof *event + event->len;
  }
}

static void watch(void) {
  int fd = inotify_init1(IN_NONBLOCK);
  TRY(inotify_add_watch(fd, ".", IN_ALL_EVENTS));
  TRY(inotify_add_watch(fd, "file", IN_ALL_EVENTS));
  show_fd("file", open("file", O_RDONLY));
  say_events(fd);
  int writing = open("file", O_WRONLY | O_APPEND);
  write_all(writing, "more");
  close(writing);
  say_events(fd);
  chmod("other", 0600);
  rename("other", "moved");
  unlink("script");
  say_events(fd);
}

static void *read_one(void *place) {
  const char *names[] = {"file", "other", "sparse", "hard-1", "hard-2", "below/inner", "program", "script"};
  static __thread char bytes[300000];
  int fd = open(names[(intptr_t)place % 8], O_RDONLY);
  ssize_t got = read(fd, bytes, sizeof bytes);
  close(fd);
  return (void *)(got < 0 ? 1 : digest(0, bytes, (size_t)got));
}

static void threads(void) {
  pthread_t all[THREADS];
  for (intptr_t i = 0; i < THREADS; i++) pthread_create(&all[i], NULL, read_one, (void *)i);
  for (int i = 0; i < THREADS; i++) {
    void *sum;
    pthread_join(all[i], &sum);
    say("%lx", (unsigned long)sum);
  }
}

static void many(void) {
  pid_t all[THREADS];
  for (int i = 0; i < THREADS; i++)
    if ((all[i] = fork()) == 0) _exit((int)((uintptr_t)read_one(NULL) & 0x7f));
  for (int i = 0; i < THREADS; i++) show_end("reader", all[i]);
}

static void fork_meanwhile(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, read_one, NULL);
  usleep(2000);
  CHILD("child", (read_one((void *)1), execl("script", "script", NULL)));
  CHILD("the same file", errno = (int)((uintptr_t)read_one(NULL) & 0x7f));
  void *sum;
  pthread_join(thread, &sum);
  say("%lx", (unsigned long)sum);
}

static void killed(void) {
  pid_t pid = fork();
  if (pid == 0) {
    open(LATE, O_RDONLY);
    for (;;) pause();
  }
  usleep(200000);
  kill(pid, SIGKILL);
  int status = 0, tries = 0;
  while (waitpid(pid, &status, WNOHANG) == 0 && tries++ < 200) usleep(10000);
  if (tries > 200) say("not dead after two seconds");
  else say("signal %d", WTERMSIG(status));
}

static volatile sig_atomic_t handled;
static void handle(int number) {
  (void)number;
  handled = 1;
}

static void signals_at(int flags) {
  struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
  struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
  sigaction(SIGPROF, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGALRM, &action, NULL);
  handled = 0;
  setitimer(ITIMER_REAL, &often, NULL);
  int fd = open(flags ? "other" : "file", O_RDONLY);
  while (!handled) usleep(1000);
  setitimer(ITIMER_REAL, &never, NULL);
  say("handled %d", (int)handled);
  show_fd("opened", fd);
}

static void signals(void) {
  signals_at(SA_RESTART);
  signals_at(0);
}

static void numbers(void) {
  int next = dup(0);
  close(next);
  errno = EXDEV;
  int fd = open("file", O_RDONLY);
  say("lowest %d, errno %s", fd == next, strerror(errno));
  int flags = open("other", O_RDWR | O_CLOEXEC | O_APPEND);
  say("%d %d %x", flags - fd, fcntl(flags, F_GETFD), (unsigned)fcntl(flags, F_GETFL) & O_APPEND);
}

static void last_descriptor(void) {
  show_fd("cue", open("cue", O_RDONLY));
  int next = dup(0);
  close(next);
  struct rlimit limit = {(rlim_t)next + 1, (rlim_t)next + 1};
  TRY(setrlimit(RLIMIT_NOFILE, &limit));
  int fd = open("unasked", O_RDONLY);
  TRY(open("other", O_RDONLY));
  show_fd("opened", fd);
}

static void chained(void) {
  const char *copying = "cp file copy && cmp file copy && mv copy other && ./script | grep -q ran";
  const char *finding = "[ $(find below opaque merged -type f -exec cat {} + | wc -c) -gt 1000 ]";
  CHILD("sh", execl("/bin/sh", "sh", "-c", copying, NULL));
  show("other");
  CHILD("find", execl("/bin/sh", "sh", "-c", finding, NULL));
  CHILD("sed -i", execl("/bin/sh", "sh", "-c", "sed -i s/file/FILE/g file", NULL));
  show("file");
  CHILD("tar", execl("/bin/sh", "sh", "-c", "tar cf - below hard-1 hard-2 | tar tf - | wc -l | grep -q 4", NULL));
}

static void execute_static(void) { CHILD("execv", execl("static", "static", NULL)); }

const struct operation processes[] = {
  {"exec", execute},
  {"exec of a script whose interpreter is missing", execute_interpreter},
  {"execvp", execute_search},
  {"fexecve, execveat", execute_descriptor},
  {"posix_spawn", spawn},
  {"system, popen", shell},
  {"writing to what is executed", busy},
  {"dlopen", library},
  {"inotify", watch},
  {"many threads", threads},
  {"many processes", many},
  {"fork while another thread waits", fork_meanwhile},
  {"handlers of signals while a file is opened", signals},
  {"SIGKILL of who opens", killed},
  {"descriptors' numbers, errno", numbers},
  {"open with the last free descriptor", last_descriptor},
  {"cp, mv, find, sed, tar", chained},
  // Last: where it waits for everything, everything comes.
  {"exec of a statically linked program", execute_static},
  {0},
};
