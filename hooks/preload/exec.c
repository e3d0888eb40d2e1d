/* The exec family. Everything may run in a child of vfork: no memory is allocated but pages and the stack. */
#include <alloca.h>
#include <limits.h>
#include <paths.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel.h"
#include "shim.h"
#include "variables.h"

#define STACK_BYTES_MAX (64 * 1024)
/* What execvp takes where PATH is not set, glibc's confstr(_CS_PATH). */
#define DEFAULT_PATH "/bin:/usr/bin"

REAL(int, execve, const char *, char *const[], char *const[])
REAL(int, execveat, int, const char *, char *const[], char *const[], int)

/* What execveat would run, as openat takes it. */
static int open_flags(int flags) { return flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0; }

static int call_exec(int directory, const char *path, char *const argv[], char *const envp[], int flags) {
  if (directory == AT_FDCWD && flags == 0) return real_execve()(path, argv, envp);
  if (real_execveat()) return real_execveat()(directory, path, argv, envp, flags);
  return (int)syscall(__NR_execveat, directory, path, argv, envp, flags);
}

int execute(int directory, const char *path, char *const argv[], char *const envp[], int flags) {
  bool itself = path && !*path && (flags & AT_EMPTY_PATH);
  char own[32];
  if (itself) snprintf(own, sizeof own, "/proc/self/fd/%d", directory);
  if (itself) prepare_program(AT_FDCWD, own, 0);
  else prepare_program(directory, path, open_flags(flags));
  size_t size = variables_size(envp);
  void *pages = NULL;
  if (size > STACK_BYTES_MAX) {
    pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return -1;
  }
  char **environment = variables_fill(envp, shim_is_needed(), pages ? pages : alloca(size));
  int result = CALL_UNTIL_HERE(call_exec(directory, path, argv, environment, flags), -1, directory, path, open_flags(flags));
  int error = errno;
  if (pages) munmap(pages, size);
  errno = error;
  return result;
}

PUBLIC int execve(const char *path, char *const argv[], char *const envp[]) {
  return execute(AT_FDCWD, path, argv, envp, 0);
}

PUBLIC int execv(const char *path, char *const argv[]) { return execute(AT_FDCWD, path, argv, environ, 0); }

PUBLIC int execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags) {
  return execute(directory, path, argv, envp, flags);
}

PUBLIC int fexecve(int fd, char *const argv[], char *const envp[]) {
  if (fd < 0) {
    errno = EINVAL;
    return -1;
  }
  return execute(fd, "", argv, envp, AT_EMPTY_PATH);
}

/* A file that is neither a program nor a script with `#!` is the shell's. */
static int execute_by_shell(const char *path, char *const argv[], char *const envp[]) {
  size_t count = 0;
  while (argv[count]) count++;
  char **arguments = alloca((count + 3) * sizeof *arguments);
  arguments[0] = (char *)_PATH_BSHELL;
  arguments[1] = (char *)path;
  /* Without even a name, argv ends here. */
  arguments[2] = NULL;
  for (size_t i = 1; i <= count; i++) arguments[i + 1] = argv[i];
  return execute(AT_FDCWD, _PATH_BSHELL, arguments, envp, 0);
}

static int execute_or_shell(const char *path, char *const argv[], char *const envp[]) {
  int result = execute(AT_FDCWD, path, argv, envp, 0);
  return errno == ENOEXEC ? execute_by_shell(path, argv, envp) : result;
}

/* Errors after which the search along PATH goes on (glibc, posix/execvpe.c). */
static bool goes_on(int error) {
  return error == ENOENT || error == ESTALE || error == ENOTDIR || error == ENODEV || error == ETIMEDOUT;
}

PUBLIC int execvpe(const char *file, char *const argv[], char *const envp[]) {
  char path[PATH_MAX + NAME_MAX + 2];
  if (!*file) {
    errno = ENOENT;
    return -1;
  }
  if (strchr(file, '/')) return execute_or_shell(file, argv, envp);
  size_t length = strnlen(file, NAME_MAX + 1);
  if (length > NAME_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  const char *search = getenv("PATH");
  bool refused = false;
  for (const char *at = search ? search : DEFAULT_PATH, *colon;; at = colon + 1) {
    colon = strchrnul(at, ':');
    size_t directory = (size_t)(colon - at);
    if (directory < PATH_MAX) {
      memcpy(path, at, directory);
      if (directory > 0) path[directory] = '/';
      memcpy(path + directory + (directory > 0), file, length + 1);
      execute_or_shell(path, argv, envp);
      if (errno == EACCES) refused = true;
      else if (!goes_on(errno)) return -1;
    }
    if (!*colon) break;
  }
  if (refused) errno = EACCES;
  return -1;
}

PUBLIC int execvp(const char *file, char *const argv[]) { return execvpe(file, argv, environ); }

/* The arguments after `first` as an array on the caller's stack; `rest` is then behind the NULL. */
#define COLLECT(array, first, rest)                                              \
  size_t count_ = 1;                                                             \
  va_list counting_;                                                             \
  va_copy(counting_, rest);                                                      \
  while (count_ < INT_MAX && va_arg(counting_, char *)) count_++;                \
  va_end(counting_);                                                             \
  char **array = alloca((count_ + 1) * sizeof *array);                           \
  array[0] = (char *)(first);                                                    \
  for (size_t i_ = 1; i_ <= count_; i_++) array[i_] = va_arg(rest, char *);

PUBLIC int execl(const char *path, const char *first, ...) {
  va_list rest;
  va_start(rest, first);
  COLLECT(argv, first, rest)
  va_end(rest);
  return execute(AT_FDCWD, path, argv, environ, 0);
}

PUBLIC int execlp(const char *file, const char *first, ...) {
  va_list rest;
  va_start(rest, first);
  COLLECT(argv, first, rest)
  va_end(rest);
  return execvpe(file, argv, environ);
}

PUBLIC int execle(const char *path, const char *first, ...) {
  va_list rest;
  va_start(rest, first);
  COLLECT(argv, first, rest)
  char **envp = va_arg(rest, char **);
  va_end(rest);
  return execute(AT_FDCWD, path, argv, envp, 0);
}
