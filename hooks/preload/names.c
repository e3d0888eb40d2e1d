/*
 * Calls that change a file by its name. The overlay copies the file up for them, which, for one that has only a
 * name so far, needs the content; unlinking it does not, nor do stat, access, readlink and reading directories.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "shim.h"

/* `parameters` and `arguments` in parentheses; `directory`, `path` and `flags` say whose content it needs. */
#define WRAP(name, parameters, arguments, directory, path, flags)                        \
  typedef int type_##name parameters;                                                    \
  static struct real slot_##name __attribute__((section("tees_real"), used)) = {NULL, #name}; \
  PUBLIC int name parameters {                                                           \
    type_##name *real = (type_##name *)__atomic_load_n(&slot_##name.function, __ATOMIC_RELAXED); \
    if (!real) real = (type_##name *)real_function(&slot_##name);                        \
    return CALL_UNTIL_HERE(real arguments, -1, directory, path, flags);                  \
  }

static int nofollow(int flags) { return flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0; }
/* linkat(2) follows only when it is told to. */
static int link_flags(int flags) { return flags & AT_SYMLINK_FOLLOW ? 0 : O_NOFOLLOW; }

WRAP(truncate, (const char *path, off_t size), (path, size), AT_FDCWD, path, 0)
WRAP(truncate64, (const char *path, off64_t size), (path, size), AT_FDCWD, path, 0)

WRAP(chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path, 0)
WRAP(lchmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path, O_NOFOLLOW)
WRAP(fchmodat, (int fd, const char *path, mode_t mode, int flags), (fd, path, mode, flags), fd, path, nofollow(flags))
WRAP(chown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid), AT_FDCWD, path, 0)
WRAP(lchown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid), AT_FDCWD, path, O_NOFOLLOW)
WRAP(fchownat, (int fd, const char *path, uid_t uid, gid_t gid, int flags), (fd, path, uid, gid, flags), fd, path,
     nofollow(flags))

WRAP(utime, (const char *path, const struct utimbuf *times), (path, times), AT_FDCWD, path, 0)
WRAP(utimes, (const char *path, const struct timeval times[2]), (path, times), AT_FDCWD, path, 0)
WRAP(lutimes, (const char *path, const struct timeval times[2]), (path, times), AT_FDCWD, path, O_NOFOLLOW)
WRAP(futimesat, (int fd, const char *path, const struct timeval times[2]), (fd, path, times), fd, path, 0)
WRAP(utimensat, (int fd, const char *path, const struct timespec times[2], int flags), (fd, path, times, flags), fd,
     path, nofollow(flags))

WRAP(setxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
     (path, name, value, size, flags), AT_FDCWD, path, 0)
WRAP(lsetxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
     (path, name, value, size, flags), AT_FDCWD, path, O_NOFOLLOW)
WRAP(removexattr, (const char *path, const char *name), (path, name), AT_FDCWD, path, 0)
WRAP(lremovexattr, (const char *path, const char *name), (path, name), AT_FDCWD, path, O_NOFOLLOW)

WRAP(link, (const char *from, const char *to), (from, to), AT_FDCWD, from, O_NOFOLLOW)
WRAP(linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags), (from_fd, from, to_fd, to, flags),
     from_fd, from, link_flags(flags))
WRAP(rename, (const char *from, const char *to), (from, to), AT_FDCWD, from, O_NOFOLLOW)
WRAP(renameat, (int from_fd, const char *from, int to_fd, const char *to), (from_fd, from, to_fd, to), from_fd, from,
     O_NOFOLLOW)

REAL(int, renameat2, int, const char *, int, const char *, unsigned)
/* Of an exchange either may be missing. */
PUBLIC int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
  if (flags & RENAME_EXCHANGE) {
    struct attempts of_from = {0}, of_to = {0};
    for (int turn = 0;; turn++) {
      int result = real_renameat2()(from_fd, from, to_fd, to, flags);
      if (result == 0 || errno != ELOOP) return result;
      bool again = turn % 2 == 0 ? wait_and_call_again(&of_from, from_fd, from, O_NOFOLLOW)
                                 : wait_and_call_again(&of_to, to_fd, to, O_NOFOLLOW);
      if (!again && turn % 2 == 1) return -1;
    }
  }
  return CALL_UNTIL_HERE(real_renameat2()(from_fd, from, to_fd, to, flags), -1, from_fd, from, O_NOFOLLOW);
}
