#include "enter.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../native/environment/environment.h"
#include "../../native/launch/filter.h"

/* Where slurmstepd goes when there is no such directory. */
#define FALLBACK "/tmp"

static char text[256];

static const char *failure(const char *what) {
  snprintf(text, sizeof text, "cannot %s: %s", what, strerror(errno));
  return text;
}

/* The same for what is permitted and what is in effect. */
static int set_capabilities(uint32_t permitted, uint32_t effective) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
  data[0].permitted = permitted;
  data[0].effective = effective;
  return (int)syscall(SYS_capset, &header, data);
}

#define NEEDED (1u << CAP_SYS_ADMIN | 1u << CAP_SYS_CHROOT | 1u << CAP_SETPCAP)

const char *enter_prepare(const struct way *way) {
  if (way->mounts < 0) return NULL;
  return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? failure("keep the right to enter the environment") : NULL;
}

static int drop_bounding_set(void) {
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return -1;
  return 0;
}

const char *enter_now(struct way *way, const char *wanted) {
  char directory[PATH_SIZE];
  if (!getcwd(directory, sizeof directory)) strcpy(directory, FALLBACK);
  if (strcmp(directory, FALLBACK) == 0 && *wanted == '/') snprintf(directory, sizeof directory, "%s", wanted);
  if (getuid() == 0 || geteuid() == 0) return "root's tasks are not brought into environments";
  if (set_capabilities(NEEDED, NEEDED) < 0) return failure("take the right to enter the environment");
  if (setns(way->mounts, CLONE_NEWNS) < 0) return failure("enter the environment");
  close(way->mounts);
  way->mounts = -1;
  if (drop_bounding_set() < 0 || set_capabilities(0, 0) < 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
    return failure("give up the rights of root");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return failure("set no_new_privs");
  if (filter_install(way->allowances, false) < 0) return failure("install the system call filter");
  if (chdir(directory) < 0 && chdir(FALLBACK) < 0 && chdir("/") < 0) return failure("enter the working directory");
  return NULL;
}

const char *enter_variable(const char *name, const char *value, const char *theirs) {
  static char *joined;
  bool is_libraries = strcmp(name, "LD_PRELOAD") == 0 || strcmp(name, "LD_AUDIT") == 0;
  if (!is_libraries || !theirs || !*theirs) return value;
  size_t length = strlen(value);
  if (strncmp(theirs, value, length) == 0 && (theirs[length] == '\0' || strchr(": ", theirs[length]))) return theirs;
  free(joined);
  return asprintf(&joined, "%s:%s", value, theirs) < 0 ? value : joined;
}
