/* The open family. On machines of 64 bits the 64 variants are the same, but another library may wrap only one. */
#include <stdarg.h>
#include <sys/types.h>

#include "shim.h"

/* open(2): there is a mode only when something may be created. */
#define TAKE_MODE(flags, last)                                              \
  mode_t mode = 0;                                                          \
  if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) {          \
    va_list arguments;                                                      \
    va_start(arguments, last);                                              \
    mode = va_arg(arguments, mode_t);                                       \
    va_end(arguments);                                                      \
  }

#define WRAP_OPEN(name)                                                                        \
  REAL(int, name, const char *, int, ...)                                                      \
  PUBLIC int name(const char *path, int flags, ...) {                                          \
    TAKE_MODE(flags, flags)                                                                    \
    return CALL_UNTIL_HERE(real_##name()(path, flags, mode), -1, AT_FDCWD, path, flags);       \
  }

#define WRAP_OPENAT(name)                                                                           \
  REAL(int, name, int, const char *, int, ...)                                                      \
  PUBLIC int name(int directory, const char *path, int flags, ...) {                                \
    TAKE_MODE(flags, flags)                                                                         \
    return CALL_UNTIL_HERE(real_##name()(directory, path, flags, mode), -1, directory, path, flags); \
  }

/* What _FORTIFY_SOURCE makes of opens without a mode. */
#define WRAP_OPEN_2(name)                                                                \
  REAL(int, name, const char *, int)                                                     \
  PUBLIC int name(const char *path, int flags);                                          \
  PUBLIC int name(const char *path, int flags) {                                         \
    return CALL_UNTIL_HERE(real_##name()(path, flags), -1, AT_FDCWD, path, flags);       \
  }

#define WRAP_OPENAT_2(name)                                                                    \
  REAL(int, name, int, const char *, int)                                                      \
  PUBLIC int name(int directory, const char *path, int flags);                                 \
  PUBLIC int name(int directory, const char *path, int flags) {                                \
    return CALL_UNTIL_HERE(real_##name()(directory, path, flags), -1, directory, path, flags); \
  }

#define WRAP_CREAT(name)                                                          \
  REAL(int, name, const char *, mode_t)                                           \
  PUBLIC int name(const char *path, mode_t mode) {                                \
    return CALL_UNTIL_HERE(real_##name()(path, mode), -1, AT_FDCWD, path, 0);     \
  }

int __open(const char *, int, ...);
int __open64(const char *, int, ...);

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPEN(__open)
WRAP_OPEN(__open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
WRAP_OPEN_2(__open_2)
WRAP_OPEN_2(__open64_2)
WRAP_OPENAT_2(__openat_2)
WRAP_OPENAT_2(__openat64_2)
WRAP_CREAT(creat)
WRAP_CREAT(creat64)
