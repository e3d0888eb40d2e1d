/* The C library's own functions, found when the library is loaded; and what is done around a fork. */
#include <dlfcn.h>
#include <pthread.h>

#include "kernel.h"
#include "shim.h"

extern struct real __start_tees_real[], __stop_tees_real[];

void *real_function(struct real *real) {
  void *function = dlsym(RTLD_NEXT, real->name);
  __atomic_store_n(&real->function, function, __ATOMIC_RELAXED);
  return function;
}

/* Not when they are first used: dlsym may not be called in a signal handler or a child of vfork. */
__attribute__((constructor)) static void begin(void) {
  for (struct real *real = __start_tees_real; real < __stop_tees_real; real++) real_function(real);
  pthread_atfork(NULL, NULL, forget_waits);
}

bool wait_and_call_again(struct attempts *attempts, int directory, const char *path, int flags) {
  enum verdict verdict = await_path(attempts, directory, path, flags);
  if (verdict != CALL_AGAIN) errno = verdict == FAIL ? EIO : ELOOP;
  return verdict == CALL_AGAIN;
}

bool shim_is_needed(void) {
  return kernel_access(AT_FDCWD, TEES_PRELOAD_LIBRARY, 4 /* R_OK */) == 0 && !all_is_here();
}

void settle(const char *path) {
  struct attempts attempts = {0};
  struct statx found;
  /* Nothing else may be opened without it being noticed. */
  if (kernel_statx(AT_FDCWD, path, 0, STATX_TYPE, &found) < 0 || (found.stx_mode & 0170000) != 0100000) return;
  int fd = open_awaited(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd >= 0) kernel_close(fd);
  /* It may be written but not read. */
  if (fd == -EACCES && !all_is_here()) await_path(&attempts, AT_FDCWD, path, 0);
}
