/*
 * syscall(2): for calls that the C library has no function for (openat2), and for programs that go round its
 * functions. A program with system calls of its own making is not reached; it gets ELOOP, never wrong content.
 */
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "shim.h"

#define NO_FLAGS (-1)

/* Where in the arguments a call has what; a directory of -1 is the working directory. */
struct call {
  long number;
  int directory, path, flags;
  int flags_meaning; /* what in the flags says that a last symbolic link is not followed */
  bool follows;      /* without those */
};

static const struct call CALLS[] = {
#ifdef SYS_open
    {SYS_open, -1, 0, 1, O_NOFOLLOW, true},
    {SYS_creat, -1, 0, NO_FLAGS, 0, true},
    {SYS_chmod, -1, 0, NO_FLAGS, 0, true},
    {SYS_chown, -1, 0, NO_FLAGS, 0, true},
    {SYS_lchown, -1, 0, NO_FLAGS, 0, false},
    {SYS_link, -1, 0, NO_FLAGS, 0, false},
    {SYS_rename, -1, 0, NO_FLAGS, 0, false},
#endif
#ifdef SYS_renameat
    {SYS_renameat, 0, 1, NO_FLAGS, 0, false},
#endif
    {SYS_openat, 0, 1, 2, O_NOFOLLOW, true},
    {SYS_truncate, -1, 0, NO_FLAGS, 0, true},
    {SYS_fchmodat, 0, 1, NO_FLAGS, 0, true},
    {SYS_fchownat, 0, 1, 4, AT_SYMLINK_NOFOLLOW, true},
    {SYS_utimensat, 0, 1, 3, AT_SYMLINK_NOFOLLOW, true},
    {SYS_renameat2, 0, 1, NO_FLAGS, 0, false},
    {SYS_linkat, 0, 1, NO_FLAGS, 0, false},
    {SYS_setxattr, -1, 0, NO_FLAGS, 0, true},
    {SYS_lsetxattr, -1, 0, NO_FLAGS, 0, false},
    {SYS_removexattr, -1, 0, NO_FLAGS, 0, true},
    {SYS_lremovexattr, -1, 0, NO_FLAGS, 0, false},
#ifdef SYS_openat2
    {SYS_openat2, 0, 1, NO_FLAGS, 0, true},
#endif
};

#ifdef SYS_openat2
/* Whether the path leads to something as the call asks: RESOLVE_NO_SYMLINKS has an ELOOP of its own. */
static bool leads_somewhere(int directory, const char *path, const struct open_how *asked) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC | (asked->flags & O_NOFOLLOW), .resolve = asked->resolve};
  long fd = kernel_call(SYS_openat2, directory, (long)path, (long)&how, sizeof how, 0, 0);
  if (fd >= 0) kernel_close((int)fd);
  return fd != -ELOOP;
}
#endif

static bool wait_for(struct attempts *attempts, long number, const long arguments[6]) {
  for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
    const struct call *call = &CALLS[i];
    if (call->number != number) continue;
    bool nofollow = !call->follows;
    if (call->flags != NO_FLAGS && ((int)arguments[call->flags] & call->flags_meaning)) nofollow = true;
#ifdef SYS_openat2
    if (number == SYS_openat2) {
      const struct open_how *how = (const struct open_how *)arguments[2];
      if (!leads_somewhere((int)arguments[0], (const char *)arguments[1], how)) return false;
      nofollow = how->flags & O_NOFOLLOW;
    }
#endif
    int directory = call->directory < 0 ? AT_FDCWD : (int)arguments[call->directory];
    return wait_and_call_again(attempts, directory, (const char *)arguments[call->path], nofollow ? O_NOFOLLOW : 0);
  }
  return false;
}

/* The C library takes as many as the kernel can; those that the caller has not given are whatever lies there. */
typedef long six(long, long, long, long, long, long, long);
static struct real slot_syscall __attribute__((section("tees_real"), used)) = {NULL, "syscall"};

long tees_syscall(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");
PUBLIC long tees_syscall(long number, long a, long b, long c, long d, long e, long f) {
  six *real = (six *)__atomic_load_n(&slot_syscall.function, __ATOMIC_RELAXED);
  if (!real) real = (six *)real_function(&slot_syscall);
  if (number == SYS_execve) return execute(AT_FDCWD, (const char *)a, (char *const *)b, (char *const *)c, 0);
  if (number == SYS_execveat)
    return execute((int)a, (const char *)b, (char *const *)c, (char *const *)d, (int)e);
  /* A child with a stack of its own must not come back through here. */
  if (number == SYS_clone) return real(number, a, b, c, d, e, f);
  const long arguments[] = {a, b, c, d, e, f};
  struct attempts attempts = {0};
  int before = errno;
  long result;
  bool waited = false;
  while ((result = real(number, a, b, c, d, e, f)) == -1 && errno == ELOOP && wait_for(&attempts, number, arguments))
    waited = true;
  if (waited && result != -1) errno = before;
  return result;
}
