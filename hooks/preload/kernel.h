/*
 * System calls without the C library: they return -errno, touch no errno, and are no cancellation points. So what
 * is built on them may run in a signal handler, in a child of vfork, and inside the dynamic loader.
 */
#ifndef TEES_PRELOAD_KERNEL_H
#define TEES_PRELOAD_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/time_types.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long kernel_call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
static inline long kernel_call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
#else
#error "the shim has no system calls for this machine"
#endif

static inline int kernel_openat(int directory, const char *path, int flags) {
  return (int)kernel_call(__NR_openat, directory, (long)path, flags, 0, 0, 0);
}
static inline int kernel_close(int fd) { return (int)kernel_call(__NR_close, fd, 0, 0, 0, 0, 0); }
static inline long kernel_pread(int fd, void *to, size_t size, long offset) {
  return kernel_call(__NR_pread64, fd, (long)to, (long)size, offset, 0, 0);
}
static inline int kernel_statx(int directory, const char *path, int flags, unsigned mask, struct statx *to) {
  return (int)kernel_call(__NR_statx, directory, (long)path, flags, mask, (long)to, 0);
}
/* access(2) as the kernel itself would judge: by the effective user. */
static inline int kernel_access(int directory, const char *path, int mode) {
  return (int)kernel_call(__NR_faccessat2, directory, (long)path, mode, AT_EACCESS, 0, 0);
}
static inline int kernel_getpid(void) { return (int)kernel_call(__NR_getpid, 0, 0, 0, 0, 0, 0); }

#endif
