#include "retire.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch.h"
#include "syscalls.h"

/*
 * A reconfiguration that changes nothing drops every name that nobody uses (reconfigure_super in the kernel's
 * fs/super.c), and with the names overlayfs' inodes. By way of /proc: this process has no mount of the environment,
 * which must be able to end without it.
 */
int retire_hook(pid_t pid_one) {
  char root[32];
  snprintf(root, sizeof root, "/proc/%d/root", (int)pid_one);
  AUTO_CLOSE int context = (int)syscall(SYS_fspick, AT_FDCWD, root, FSPICK_CLOEXEC);
  if (context < 0) return -1;
  return sys_fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
}
