#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "mount.h"
#include "pair.h"
#include "privileges.h"
#include "serve.h"
#include "state.h"

static int report_fd = -1;
static bool mounted;

static int fail(const char *what) {
  int error = errno;
  if (mounted) pair_take_down();
  dprintf(report_fd, "failed %d %s\n", error, what);
  return 1;
}

static bool read_fully(void *into, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t got = read(STDIN_FILENO, (char *)into + done, length - done);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EPROTO;
    if (got <= 0) return false;
    done += (size_t)got;
  }
  return true;
}

/* A new proc(5), mounted nowhere: /proc may be another pid namespace's, or hide other users' processes. */
static int open_proc(void) {
  AUTO_CLOSE int context = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -1;
  return (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
}

static int listen_at(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
  unlink(name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  umask(0177);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 64) == 0) return fd;
  close_fd(&fd);
  return -1;
}

/* The pair shall hold nothing of the daemon's open. */
static bool leave_streams(int last) {
  AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return false;
  for (int fd = 0; fd <= last; fd++)
    if (dup2(null, fd) < 0) return false;
  return true;
}

static bool open_contents(void) {
  return place(open(CONTENTS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), FD_CONTENTS);
}

static int leave_pair(const struct shared *shared, int last_stream) {
  if (!place(listen_at(SOCKET_NAME), FD_LISTEN)) return fail("listen at " SOCKET_NAME);
  if (privileges_drop() < 0) return fail("drop privileges");
  if (!leave_streams(last_stream)) return fail("open /dev/null");
  /* Its lifeline ends with this process; so it starts the server. */
  if (pair_start(ROLE_KEEPER) < 0) return fail("start a process");
  dprintf(report_fd, "ready passthrough=%d resend=%d\n", shared->state->features.passthrough,
          shared->state->features.resend);
  return 0;
}

int setup_again(void) {
  report_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, FD_PASSED_MAX);
  struct shared shared;
  if (state_attach(FD_STATE, &shared) < 0) return fail("share memory");
  errno = ENODEV;
  if (atomic_load(&shared.state->ending)) return fail("serve a mount that is to go");
  if (!open_contents()) return fail("open " CONTENTS_DIRECTORY);
  return leave_pair(&shared, STDOUT_FILENO);
}

int setup_run(void) {
  /* Above the pair's numbers, which are still free: the daemon's own descriptors are close-on-exec. */
  report_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, FD_PASSED_MAX);
  syscall(SYS_close_range, FD_FUSE, FD_PASSED_MAX - 1, 0);
  uint32_t head[3];
  if (!read_fully(head, sizeof head)) return fail("read what is to be served");
  errno = EPROTO;
  if (head[0] != SETUP_MAGIC || head[1] & ~SETUP_FLAGS || head[2] > SETUP_COUNT_MAX) return fail("understand it");

  struct shared shared;
  if (!place(state_create(head[2]), FD_STATE) || state_attach(FD_STATE, &shared) < 0) return fail("share memory");
  if (!read_fully(state_sizes(&shared), head[2] * sizeof(uint64_t))) return fail("read what is to be served");
  if (!place(open("/proc/self/exe", O_PATH | O_CLOEXEC), FD_PROGRAM)) return fail("open /proc/self/exe");
  if (!place(open_proc(), FD_PROC)) return fail("make a proc file system");
  if (!open_contents()) return fail("open " CONTENTS_DIRECTORY);
  if (!place(open("/dev/fuse", O_RDWR | O_CLOEXEC), FD_FUSE)) return fail("open /dev/fuse");
  if (mount_served(MOUNT_POINT) < 0) return fail("mount");
  mounted = true;
  struct features allowed = {.passthrough = !(head[1] & SETUP_NO_PASSTHROUGH), .resend = true};
  if (mount_negotiate(allowed, &shared.state->features) < 0) return fail("agree with the kernel on a protocol");
  return leave_pair(&shared, head[1] & SETUP_KEEP_ERRORS ? STDOUT_FILENO : STDERR_FILENO);
}
