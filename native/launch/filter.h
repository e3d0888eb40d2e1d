/* What a user's processes may not ask the kernel for, in private environments and as tasks of jobs (seccomp(2)). */
#ifndef TEES_FILTER_H
#define TEES_FILTER_H

#include <stdbool.h>

/* What an administrator may allow by name all the same; src/config/allowances.ts has the same. */
enum allowance {
  ALLOW_BPF = 1,
  ALLOW_IO_URING = 2,
  ALLOW_KEYRINGS = 4,
  ALLOW_NAMESPACES = 8, /* of users, networks and control groups */
  ALLOW_PERF = 16,
  ALLOW_USERFAULTFD = 32,
};

/* 0: there is none of that name. */
enum allowance allowance_of(const char *name);

/*
 * For this process and all that it starts. They are refused with EPERM; clone3(2), whose flags cannot be seen, with
 * ENOSYS. With `spares_users` it may be called once more: user namespaces are not refused yet. -1 and errno on failure.
 */
int filter_install(unsigned allowances, bool spares_users);

#endif
