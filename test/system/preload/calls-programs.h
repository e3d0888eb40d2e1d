/* The part of calls.c that starts programs and loads a library; the scripts say "ran" and end with status 7. */
#ifndef TEES_TEST_CALLS_PROGRAMS_H
#define TEES_TEST_CALLS_PROGRAMS_H

/* What a command has written. */
static const char *check_output(FILE *output, const char *expected) {
  char line[256] = "";
  if (!output) return strerror(errno);
  if (!fgets(line, sizeof line, output)) line[0] = '\0';
  line[strcspn(line, "\n")] = '\0';
  if (strcmp(line, expected) == 0) return NULL;
  static __thread char why[300];
  snprintf(why, sizeof why, "it said '%s'", line);
  return why;
}

/* The script of that name prints "ran". */
static const char *check_child(const struct file *file, void (*exec)(const struct file *), bool with_vfork) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return strerror(errno);
#ifdef WITH_OWN_SHIM
  /* What the child leaves marked of its parent's stack when it executes, the sanitizer takes for the parent's. */
  with_vfork = false;
#endif
  pid_t pid = with_vfork ? vfork() : fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    exec(file);
    _exit(errno);
  }
  close(ends[1]);
  FILE *output = fdopen(ends[0], "r");
  const char *why = check_output(output, "ran");
  fclose(output);
  int status;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) && WEXITSTATUS(status) != 7) return strerror(WEXITSTATUS(status));
  return why;
}

#define EXEC(name, vforked, ...)                                            \
  static void name##_exec(const struct file *file) { (void)file; __VA_ARGS__; } \
  static const char *name##_case(const struct file *file) { return check_child(file, name##_exec, vforked); }

#define ARGV ((char *[]){(char *)file->path, NULL})
#define EMPTY ((char *[]){NULL})

EXEC(execve, false, execve(file->path, ARGV, environ))
EXEC(execve_empty, false, execve(file->path, ARGV, EMPTY))
EXEC(execve_vfork, true, execve(file->path, ARGV, environ))
EXEC(execv_clearenv, false, clearenv(); execv(file->path, ARGV))
EXEC(execl, false, execl(file->path, file->path, NULL))
EXEC(execle, false, execle(file->path, file->path, NULL, EMPTY))
EXEC(execlp, false, setenv("PATH", directory, 1); execlp(file->name, file->name, NULL))
EXEC(execvp, false, setenv("PATH", directory, 1); execvp(file->name, ARGV))
/* A script is opened through the descriptor, so that must stay. */
EXEC(execveat, false, fcntl(directory_fd, F_SETFD, 0); execveat(directory_fd, file->name, ARGV, environ, 0))
EXEC(fexecve, false, int fd = open(file->path, O_PATH); fexecve(fd, ARGV, environ))
EXEC(syscall_execve, false, syscall(SYS_execve, file->path, ARGV, environ))

static const char *spawned(const struct file *file, bool search, char **envp) {
  int ends[2];
  pid_t pid;
  posix_spawn_file_actions_t actions;
  if (pipe2(ends, O_CLOEXEC) < 0) return strerror(errno);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  int error = search ? posix_spawnp(&pid, file->path, &actions, NULL, ARGV, envp)
                     : posix_spawn(&pid, file->path, &actions, NULL, ARGV, envp);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  FILE *output = fdopen(ends[0], "r");
  const char *why = error ? strerror(error) : check_output(output, "ran");
  fclose(output);
  if (!error) waitpid(pid, NULL, 0);
  return why;
}
static const char *posix_spawn_case(const struct file *file) { return spawned(file, false, EMPTY); }
static const char *posix_spawnp_case(const struct file *file) { return spawned(file, true, environ); }

static const char *system_case(const struct file *file) {
  char command[700];
  snprintf(command, sizeof command, "%s >/dev/null", file->path);
  int status = system(command);
  return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? NULL : "another status";
}
static const char *popen_case(const struct file *file) {
  FILE *output = popen(file->path, "r");
  const char *why = check_output(output, "ran");
  if (output) pclose(output);
  return why;
}

/* The stream is the shim's own then. */
static const char *popen_clearenv_case(const struct file *file) {
  clearenv();
  FILE *kept = popen("cat", "w"), *output = popen(file->path, "re");
  const char *why = check_output(output, "ran");
  if (why) return why;
  if (fcntl(fileno(output), F_GETFD) != FD_CLOEXEC || fcntl(fileno(kept), F_GETFD) != 0) return "another flag";
  if (WEXITSTATUS(pclose(output)) != 7) return "another status";
  /* It ends only when nobody else, the other shell neither, has its input. */
  if (pclose(kept) != 0) return "the other one has another status";
  return popen("cat", "rw") || errno != EINVAL ? "another mode" : NULL;
}

/* The library answers 42. */
static const char *dlopen_case(const struct file *file) {
  void *library = dlopen(file->path, RTLD_NOW);
  if (!library) return dlerror();
  int (*answer)(void) = (int (*)(void))dlsym(library, "answer");
  return answer && answer() == 42 ? NULL : "another library";
}

/* Past the C library, where no hook stands. */
static long raw_open(const char *path) {
#if defined(__x86_64__)
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_open), "D"(path), "S"(O_RDONLY) : "rcx", "r11", "memory");
  return result;
#else
  register long x8 __asm__("x8") = SYS_openat;
  register long x0 __asm__("x0") = AT_FDCWD;
  register long x1 __asm__("x1") = (long)path;
  register long x2 __asm__("x2") = O_RDONLY;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
#endif
}

#endif
