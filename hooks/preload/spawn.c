/* Programs started by the C library itself: posix_spawn, system; for popen see popen.c. */
#include <limits.h>
#include <paths.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "shim.h"
#include "variables.h"

#define DEFAULT_PATH "/bin:/usr/bin"
#define NAP_NS 20000000L

typedef int spawner(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                    char *const[], char *const[]);
REAL(int, posix_spawn, pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
     char *const[], char *const[])
REAL(int, posix_spawnp, pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
     char *const[], char *const[])

/*
 * Whether to spawn again. What was missing may be a file that only the child's actions lead to (a changed directory,
 * an open): nobody can be asked about that one, but it comes.
 */
static bool spawn_again(struct attempts *attempts, const char *path, const posix_spawn_file_actions_t *actions) {
  enum verdict verdict = await_path(attempts, AT_FDCWD, path, 0);
  if (verdict != GIVE_UP || !actions || all_is_here()) return verdict == CALL_AGAIN;
  nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
  return true;
}

static int spawn(spawner *real, pid_t *pid, const char *file, const char *path,
                 const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const argv[],
                 char *const envp[]) {
  prepare_program(AT_FDCWD, path, 0);
  void *memory = malloc(variables_size(envp));
  if (!memory) return ENOMEM;
  char **environment = variables_fill(envp, shim_is_needed(), memory);
  struct attempts attempts = {0};
  int error, before = errno;
  do error = real(pid, file, actions, attributes, argv, environment);
  while (error == ELOOP && spawn_again(&attempts, path, actions));
  free(memory);
  errno = before;
  return error;
}

PUBLIC int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
  return spawn(real_posix_spawn(), pid, path, path, actions, attributes, argv, envp);
}

/* The file that posix_spawnp is going to find. */
static const char *search(const char *file, char path[PATH_MAX]) {
  const char *at = getenv("PATH");
  if (strchr(file, '/')) return file;
  for (at = at ? at : DEFAULT_PATH; at; at = *at ? at + 1 : NULL) {
    size_t length = strcspn(at, ":");
    int written = snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, at, length ? "/" : "", file);
    if (written > 0 && written < PATH_MAX && kernel_access(AT_FDCWD, path, X_OK) == 0) return path;
    at += length;
  }
  return file;
}

PUBLIC int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
  char path[PATH_MAX];
  return spawn(real_posix_spawnp(), pid, file, search(file, path), actions, attributes, argv, envp);
}

REAL(int, posix_spawn_file_actions_addopen, posix_spawn_file_actions_t *, int, const char *, int, mode_t)
PUBLIC int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int fd, const char *path, int flags,
                                            mode_t mode) {
  settle(path);
  return real_posix_spawn_file_actions_addopen()(actions, fd, path, flags, mode);
}

/* system(3), for a program that has taken the shim out of its own environment. */
static struct {
  pthread_mutex_t lock;
  int running;
  struct sigaction interrupt, quit;
} waiting_shells = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void ignore_signals(void) {
  pthread_mutex_lock(&waiting_shells.lock);
  if (waiting_shells.running++ == 0) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &ignore, &waiting_shells.interrupt);
    sigaction(SIGQUIT, &ignore, &waiting_shells.quit);
  }
  pthread_mutex_unlock(&waiting_shells.lock);
}

static void restore_signals(void) {
  pthread_mutex_lock(&waiting_shells.lock);
  if (--waiting_shells.running == 0) {
    sigaction(SIGINT, &waiting_shells.interrupt, NULL);
    sigaction(SIGQUIT, &waiting_shells.quit, NULL);
  }
  pthread_mutex_unlock(&waiting_shells.lock);
}

static int run_shell(const char *command) {
  char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
  sigset_t child, before, defaults;
  posix_spawnattr_t attributes;
  pid_t pid;
  int status = -1;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ignore_signals();
  pthread_sigmask(SIG_BLOCK, &child, &before);
  sigemptyset(&defaults);
  if (waiting_shells.interrupt.sa_handler != SIG_IGN) sigaddset(&defaults, SIGINT);
  if (waiting_shells.quit.sa_handler != SIG_IGN) sigaddset(&defaults, SIGQUIT);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &before);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  int error = posix_spawn(&pid, _PATH_BSHELL, NULL, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  if (error) {
    status = 127 << 8;
  } else {
    while (waitpid(pid, &status, 0) < 0)
      if (errno != EINTR) {
        status = -1;
        break;
      }
  }
  int kept = errno;
  restore_signals();
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error ? error : kept;
  return status;
}

REAL(int, system, const char *)
PUBLIC int system(const char *command) {
  if (!command) return real_system()(command);
  if (!variables_have_shim(environ) && shim_is_needed()) return run_shell(command);
  prepare_program(AT_FDCWD, _PATH_BSHELL, 0);
  return real_system()(command);
}
