/*
 * namespaces DIR NAME…    mounts a tmpfs on DIR and pins a new network namespace at DIR/NAME for each name, as
 *                         `ip netns add` does below /run/netns, but in one process and where the caller says.
 * net FILE -- CMD ARG…    runs CMD in the network namespace pinned at FILE.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Devices made from now on have no IPv6 address, so that no discovery traffic disturbs the byte counters; the
   loopback device exists already and keeps its ::1. A kernel without IPv6 has no such file. */
static void silence_ipv6(void) {
  AUTO_CLOSE int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
  if (fd >= 0 && write(fd, "1", 1) != 1) complain("cannot switch IPv6 off", NULL);
}

static int pin(const char *directory, const char *name) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
    errno = ENAMETOOLONG;
    return complain("cannot pin a network namespace", name);
  }
  if (unshare(CLONE_NEWNET) < 0) return complain("cannot create a network namespace", name);
  silence_ipv6();
  AUTO_CLOSE int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (fd < 0 || mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0)
    return complain("cannot pin a network namespace", path);
  return 0;
}

int namespaces_main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: tees-init namespaces DIR NAME…\n");
    return 2;
  }
  silence_ipv6(); /* the core's, which is the caller's own */
  if (mount("tees-net", argv[1], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,mode=0755") < 0)
    return complain("cannot mount a tmpfs", argv[1]);
  for (int i = 2; i < argc; i++)
    if (pin(argv[1], argv[i]) != 0) return 1;
  return 0;
}

int net_main(int argc, char **argv) {
  char **command = command_of(argc, argv);
  if (!command || argc < 4) return 2;
  if (join(argv[1], CLONE_NEWNET) < 0) return complain("cannot join the network namespace", argv[1]);
  execute(command);
}
