#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* FUSE_DEV_IOC_BACKING_OPEN and umount2(2). The store's files are root's own, which takes no capability. */
#define KEPT CAP_SYS_ADMIN

int privileges_drop(void) {
  for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
    if (capability == KEPT) continue;
    /* EINVAL: a kernel that does not know it yet. */
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL) return -1;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
  data[CAP_TO_INDEX(KEPT)].permitted = data[CAP_TO_INDEX(KEPT)].effective = CAP_TO_MASK(KEPT);
  return (int)syscall(SYS_capset, &header, data);
}
