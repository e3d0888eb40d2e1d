/*
 * Makes each call that the preload hook stands before, on a file of its own that has not arrived, and says what came
 * of it: `NAME ok`, or why not. Argument: the directory of the files. Each file NAME holds "NAME " over and over.
 * With "at-once" behind it the calls are made together, each in a thread; with a case's name it is the only one.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

extern char **environ;
int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);
int __open(const char *, int, ...);
int __open64(const char *, int, ...);

static const char *directory;
static int directory_fd;

struct file {
  const char *name;
  char path[512];
};

/* NULL when the descriptor reads the file's content; it is closed. */
static const char *check_fd(const struct file *file, int fd) {
  char bytes[64] = "";
  if (fd < 0) return strerror(errno);
  ssize_t got = pread(fd, bytes, strlen(file->name) + 1, 0);
  close(fd);
  if (got <= 0) return "nothing to read";
  return strncmp(bytes, file->name, strlen(file->name)) == 0 ? NULL : "another content";
}

static const char *check_path(const struct file *file, const char *path) {
  return check_fd(file, (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
}

static const char *check(const struct file *file, int result) {
  return result < 0 ? strerror(errno) : check_path(file, file->path);
}

static const char *check_stream(const struct file *file, FILE *stream) {
  if (!stream) return strerror(errno);
  const char *why = check_fd(file, dup(fileno(stream)));
  fclose(stream);
  return why;
}

#define OPEN(name, call) \
  static const char *name##_case(const struct file *file) { return check_fd(file, call); }
#define CHANGE(name, call) \
  static const char *name##_case(const struct file *file) { return check(file, call); }
#define STREAM(name, call) \
  static const char *name##_case(const struct file *file) { return check_stream(file, call); }
OPEN(open, open(file->path, O_RDONLY))
OPEN(open_nofollow, open(file->path, O_RDONLY | O_NOFOLLOW))
OPEN(open_rdwr, open(file->path, O_RDWR | O_APPEND))
OPEN(open_create, open(file->path, O_RDWR | O_CREAT, 0600))
OPEN(open64, open64(file->path, O_RDONLY))
OPEN(x__open, __open(file->path, O_RDONLY))
OPEN(x__open64, __open64(file->path, O_RDONLY))
OPEN(x__open_2, __open_2(file->path, O_RDONLY))
OPEN(x__open64_2, __open64_2(file->path, O_RDONLY))
OPEN(openat, openat(directory_fd, file->name, O_RDONLY))
OPEN(openat64, openat64(directory_fd, file->name, O_RDONLY))
OPEN(x__openat_2, __openat_2(directory_fd, file->name, O_RDONLY))
OPEN(x__openat64_2, __openat64_2(directory_fd, file->name, O_RDONLY))
OPEN(syscall_openat, (int)syscall(SYS_openat, directory_fd, file->name, O_RDONLY))
OPEN(syscall_openat2,
     (int)syscall(SYS_openat2, directory_fd, file->name, &(struct open_how){.flags = O_RDONLY}, sizeof(struct open_how)))
STREAM(fopen, fopen(file->path, "r"))
STREAM(fopen64, fopen64(file->path, "r+"))
STREAM(freopen, freopen(file->path, "r", fopen("/dev/null", "r")))
STREAM(freopen64, freopen64(file->path, "a+", fopen("/dev/null", "r")))
CHANGE(truncate, truncate(file->path, 5000))
CHANGE(truncate64, truncate64(file->path, 5000))
CHANGE(chmod, chmod(file->path, 0640))
CHANGE(fchmodat, fchmodat(directory_fd, file->name, 0640, 0))
CHANGE(chown, chown(file->path, getuid(), getgid()))
CHANGE(lchown, lchown(file->path, getuid(), getgid()))
CHANGE(fchownat, fchownat(directory_fd, file->name, getuid(), getgid(), 0))
CHANGE(utime, utime(file->path, NULL))
CHANGE(utimes, utimes(file->path, NULL))
CHANGE(lutimes, lutimes(file->path, NULL))
CHANGE(utimensat, utimensat(directory_fd, file->name, NULL, 0))
CHANGE(setxattr, setxattr(file->path, "user.tees", "1", 1, 0))
CHANGE(lsetxattr, lsetxattr(file->path, "user.tees", "1", 1, 0))

static const char *creat_case(const struct file *file) {
  int fd = creat(file->path, 0600);
  struct stat found;
  if (fd < 0 || fstat(fd, &found) < 0) return strerror(errno);
  close(fd);
  return found.st_size == 0 ? NULL : "not empty";
}

static const char *moved(const struct file *file, int result, const char *to) {
  return result < 0 ? strerror(errno) : check_path(file, to);
}

#define MOVE(name, call)                                                  \
  static const char *name##_case(const struct file *file) {              \
    char to[600];                                                         \
    snprintf(to, sizeof to, "%s.moved", file->path);                      \
    return moved(file, call, to);                                         \
  }
MOVE(rename, rename(file->path, to))
MOVE(renameat, renameat(directory_fd, file->name, AT_FDCWD, to))
MOVE(renameat2, renameat2(directory_fd, file->name, AT_FDCWD, to, RENAME_NOREPLACE))
MOVE(link, link(file->path, to))
MOVE(linkat, linkat(directory_fd, file->name, AT_FDCWD, to, 0))

/* exchange-a and exchange-b */
static const char *exchange_case(const struct file *file) {
  char a[600], b[600];
  snprintf(a, sizeof a, "%s-a", file->path);
  snprintf(b, sizeof b, "%s-b", file->path);
  if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0) return strerror(errno);
  struct file first = {.name = "exchange-b"};
  return check_path(&first, a);
}

#include "calls-programs.h"

/* stat, access, readlink, opendir, O_PATH and unlink wait for nothing, whatever they say of what is missing. */
static const char *names_case(const struct file *file) {
  struct stat found;
  int fd = open(file->path, O_PATH);
  if (fd < 0 || close(fd) < 0 || stat(file->path, &found) < 0 || access(file->path, R_OK) < 0) return strerror(errno);
  DIR *entries = opendir(directory);
  if (!entries || !readdir(entries) || closedir(entries) < 0) return strerror(errno);
  if (unlink(file->path) < 0) return strerror(errno);
  return access(file->path, F_OK) < 0 && errno == ENOENT ? NULL : "still there";
}

/* Errors stay what they are. */
static const char *errors_case(const struct file *file) {
  char link_path[600];
  snprintf(link_path, sizeof link_path, "%s.link", file->path);
  if (symlink(link_path, link_path) < 0) return strerror(errno);
  if (open(link_path, O_RDONLY) >= 0 || errno != ELOOP) return "a loop of links is no ELOOP";
  unlink(link_path);
  if (symlink(file->path, link_path) < 0) return strerror(errno);
  if (open(link_path, O_RDONLY | O_NOFOLLOW) >= 0 || errno != ELOOP) return "a link with O_NOFOLLOW is no ELOOP";
  if (open("/nowhere/at/all", O_RDONLY) >= 0 || errno != ENOENT) return "nowhere is no ENOENT";
  errno = 0;
  int fd = open(link_path, O_RDONLY);
  if (errno != 0) return "errno has changed";
  return check_fd(file, fd);
}

/* Handlers run while the open waits, and it goes on. */
static volatile sig_atomic_t signals;
static void count_signal(int number) { (void)number; signals++; }
static const char *signals_case(const struct file *file) {
  struct sigaction action = {.sa_handler = count_signal}; /* no SA_RESTART */
  struct itimerval every = {.it_interval = {.tv_usec = 5000}, .it_value = {.tv_usec = 5000}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &every, NULL);
  const char *why = check_fd(file, open(file->path, O_RDONLY));
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  if (why) return why;
  return signals > 0 ? NULL : "no handler ran";
}

/* A child has no descriptor of a wait that a thread of its parent was in. */
static void *open_in_thread(void *path) { return (void *)(long)open(path, O_RDONLY); }
static int descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}
static const char *fork_case(const struct file *file) {
  pthread_t thread;
  void *fd;
  int before = descriptors();
  if (pthread_create(&thread, NULL, open_in_thread, (void *)file->path)) return "no thread";
  usleep(200000);
  pid_t pid = fork();
  if (pid == 0) _exit(descriptors() - before);
  int status;
  waitpid(pid, &status, 0);
  pthread_join(thread, &fd);
  const char *why = check_fd(file, (int)(long)fd);
  if (why) return why;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL : "the child has another number of descriptors";
}

/* The kernel takes an open that waits for a cancellation point. */
static const char *cancel_case(const struct file *file) {
  pthread_t thread;
  void *result;
  if (pthread_create(&thread, NULL, open_in_thread, (void *)file->path)) return "no thread";
  usleep(100000);
  pthread_cancel(thread);
  pthread_join(thread, &result);
  return result == PTHREAD_CANCELED ? NULL : "it was not cancelled";
}

static const struct {
  const char *name;
  const char *(*run)(const struct file *);
  enum { TOGETHER, ALONE, FIRST } kind; /* ALONE: of the whole process; FIRST: only when it is asked for by name */
} CASES[] = {
#define CASE(name) {#name, name##_case, TOGETHER}
#define CASE_OF(name, kind) {#name, name##_case, kind}
    CASE_OF(cancel, FIRST), CASE_OF(fork, FIRST), CASE_OF(signals, FIRST), CASE_OF(popen_clearenv, FIRST),
    CASE(open), CASE(open_nofollow), CASE(open_rdwr), CASE(open_create), CASE(open64), CASE(x__open), CASE(x__open64),
    CASE(x__open_2), CASE(x__open64_2), CASE(openat), CASE(openat64), CASE(x__openat_2), CASE(x__openat64_2),
    CASE(syscall_openat), CASE(syscall_openat2), CASE(creat), CASE(fopen), CASE(fopen64), CASE(freopen),
    CASE(freopen64), CASE(truncate), CASE(truncate64), CASE(chmod), CASE(fchmodat), CASE(chown), CASE(lchown),
    CASE(fchownat), CASE(utime), CASE(utimes), CASE(lutimes), CASE(utimensat), CASE(setxattr), CASE(lsetxattr),
    CASE(rename), CASE(renameat), CASE(renameat2), CASE(exchange), CASE(link), CASE(linkat), CASE(names), CASE(errors),
    CASE(execve), CASE(execve_empty), CASE(execve_vfork), CASE(execl), CASE(execle), CASE(execveat), CASE(fexecve),
    CASE(syscall_execve), CASE(posix_spawn), CASE(posix_spawnp), CASE(system), CASE(popen), CASE(dlopen),
    CASE_OF(execlp, ALONE), CASE_OF(execvp, ALONE), CASE_OF(execv_clearenv, ALONE),
};
#define COUNT (sizeof CASES / sizeof *CASES)

static void *run(void *argument) {
  size_t i = (size_t)argument;
  struct file file = {.name = CASES[i].name};
  snprintf(file.path, sizeof file.path, "%s/%s", directory, file.name);
  const char *why = CASES[i].run(&file);
  char line[700];
  int length = snprintf(line, sizeof line, "%s %s\n", file.name, why ? why : "ok");
  if (write(1, line, (size_t)length) != length) _exit(99);
  return NULL;
}

#ifdef WITH_OWN_SHIM
/* The shim is linked in, with sanitizers; the other one must not stand behind it. Past it, as it would be put back. */
static void leave_preload(char **argv) {
  if (!getenv("LD_PRELOAD")) return;
  unsetenv("LD_PRELOAD");
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_execve), "D"("/proc/self/exe"), "S"(argv), "d"(environ)
                   : "rcx", "r11", "memory");
  _exit(97);
}
#else
static void leave_preload(char **argv) { (void)argv; }
#endif

int main(int argc, char **argv) {
  leave_preload(argv);
  if (argc == 3 && strcmp(argv[1], "--raw") == 0) {
    long result = raw_open(argv[2]);
    puts(result == -ELOOP ? "raw ELOOP" : result < 0 ? "raw error" : "raw open");
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (size_t i = 0; i < COUNT; i++) puts(CASES[i].name);
    return 0;
  }
  directory = argv[1];
  directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < COUNT && argc > 2; i++)
    if (strcmp(argv[2], CASES[i].name) == 0) return run((void *)i) != NULL;
  bool at_once = argc > 2;
  pthread_t threads[COUNT];
  for (size_t i = 0; i < COUNT && at_once; i++)
    if (CASES[i].kind == TOGETHER && pthread_create(&threads[i], NULL, run, (void *)i)) return 98;
  for (size_t i = 0; i < COUNT && at_once; i++)
    if (CASES[i].kind == TOGETHER) pthread_join(threads[i], NULL);
  for (size_t i = 0; i < COUNT; i++)
    if (CASES[i].kind == ALONE || (CASES[i].kind == TOGETHER && !at_once)) run((void *)i);
  return 0;
}
