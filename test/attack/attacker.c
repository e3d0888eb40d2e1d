/*
 * attacker WAY [ARGUMENT…]: tries one way to gain something, and says GAINED and what, or nothing. Its errors are of no interest:
 * what counts is whether something was gained.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "attacker.h"

#define SECRET "TEES-SECRET"

void gained(const char *what) {
  printf("GAINED %s\n", what);
  fflush(stdout);
}

/* Whether the secret can be read there. */
static int shows(int fd) {
  char bytes[256];
  if (fd < 0) return 0;
  ssize_t got = pread(fd, bytes, sizeof bytes - 1, 0);
  close(fd);
  if (got < 0) return 0;
  bytes[got] = '\0';
  return strstr(bytes, SECRET) != NULL;
}

static void look(const char *how, int fd) {
  if (shows(fd)) gained(how);
}

static void try_read(char **argv) {
  const char *path = argv[0];
  char name[4200];
  look("open", open(path, O_RDONLY));
  look("open to write", open(path, O_RDWR));
  look("open without atime", open(path, O_RDONLY | O_NOATIME));
  int by_path = open(path, O_PATH);
  snprintf(name, sizeof name, "/proc/self/fd/%d", by_path);
  look("reopen", open(name, O_RDONLY));
  chmod(name, 0666);
  look("chmod by descriptor", open(path, O_RDONLY));
  static const char *const ROOTS[] = {"/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/run/tees-upper", "/run/tees-lower"};
  for (size_t i = 0; i < sizeof ROOTS / sizeof *ROOTS; i++) {
    snprintf(name, sizeof name, "%s%s", ROOTS[i], path);
    look(ROOTS[i], open(name, O_RDONLY));
  }
  if (link(path, "/opt/link") == 0) look("link", open("/opt/link", O_RDONLY));
  if (linkat(by_path, "", AT_FDCWD, "/opt/link2", AT_EMPTY_PATH) == 0) look("link by descriptor", open("/opt/link2", O_RDONLY));
  if (symlink(path, "/opt/symlink") == 0) look("symlink", open("/opt/symlink", O_RDONLY));
}

/* Each makes overlayfs copy the file up, after which it is the user's own. */
static void try_copy_up(char **argv) {
  const char *path = argv[0];
  if (chmod(path, 0666) == 0) look("chmod", open(path, O_RDONLY));
  if (chown(path, 0, 0) == 0) look("chown", open(path, O_RDONLY));
  if (setxattr(path, "user.mine", "1", 1, 0) == 0) look("setxattr", open(path, O_RDONLY));
  if (utimensat(AT_FDCWD, path, NULL, 0) == 0) look("utimes", open(path, O_RDONLY));
  if (rename(path, "/opt/renamed") == 0) look("rename", open("/opt/renamed", O_RDONLY));
}

static void try_execute(char **argv) {
  int out[2];
  if (pipe(out) < 0) return;
  pid_t pid = fork();
  if (pid == 0) {
    dup2(out[1], 1);
    execl(argv[0], argv[0], (char *)NULL);
    _exit(1);
  }
  close(out[1]);
  char bytes[256] = "";
  if (read(out[0], bytes, sizeof bytes - 1) > 0 && strstr(bytes, SECRET)) gained("what a program says that only root may run");
  waitpid(pid, NULL, 0);
}

/* The same file by other mounts of the same file system. */
static void try_mounts(char **argv) {
  char name[4200];
  mkdir("/opt/mount", 0755);
  static const struct {
    const char *source, *type, *options;
    unsigned long flags;
  } MOUNTS[] = {{"/", NULL, NULL, MS_BIND},
                {"/", NULL, NULL, MS_BIND | MS_REC},
                {"overlay", "overlay", "lowerdir=/etc:/", 0},
                {"/dev/vda", "ext4", NULL, 0},
                {"/dev/sda1", "ext4", NULL, 0}};
  for (size_t i = 0; i < sizeof MOUNTS / sizeof *MOUNTS; i++) {
    if (mount(MOUNTS[i].source, "/opt/mount", MOUNTS[i].type, MOUNTS[i].flags, MOUNTS[i].options) < 0) continue;
    snprintf(name, sizeof name, "/opt/mount%s", argv[0]);
    look("another mount", open(name, O_RDONLY));
    umount2("/opt/mount", MNT_DETACH);
  }
  static const char *const COVERS[] = {"/proc", "/sys", "/dev", "/run", "/tmp", "/home", "/"};
  for (size_t i = 0; i < sizeof COVERS / sizeof *COVERS; i++)
    if (umount2(COVERS[i], MNT_DETACH) == 0) gained("what a mount covers");
}

static void try_handle(char **argv) {
  union {
    struct file_handle handle;
    char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } it = {.handle = {.handle_bytes = 8, .handle_type = 1}};

  unsigned inode = (unsigned)strtoul(argv[0], NULL, 10), generation = (unsigned)strtoul(argv[1], NULL, 10);

  memcpy(it.handle.f_handle, &inode, 4);
  memcpy(it.handle.f_handle + 4, &generation, 4);
  static const char *const ANCHORS[] = {"/", "/tmp", "/run/tees-upper", "/run/tees-lower", "/home"};
  for (size_t i = 0; i < sizeof ANCHORS / sizeof *ANCHORS; i++) {
    int anchor = open(ANCHORS[i], O_RDONLY | O_DIRECTORY);
    look("a file handle", open_by_handle_at(anchor, &it.handle, O_RDONLY));
    if (anchor >= 0) close(anchor);
  }
}

static void try_trace(char **argv) {
  int pid = atoi(argv[0]);
  char path[64], bytes[4096];
  snprintf(path, sizeof path, "/proc/%d/environ", pid);
  int fd = open(path, O_RDONLY);
  if (fd >= 0 && read(fd, bytes, sizeof bytes) >= 0) gained("another program's environment");
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  if (open(path, O_RDWR) >= 0) gained("another program's memory");
  snprintf(path, sizeof path, "/proc/%d/fd/4", pid);
  if (readlink(path, bytes, sizeof bytes) > 0) gained("another program's descriptors");
  if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) gained("another program");
}

static void try_keyring(char **argv) {
  (void)argv;
  if (syscall(SYS_add_key, "user", "tees", "x", 1, KEY_SPEC_PROCESS_KEYRING) >= 0) gained("a key in the kernel");
}

static void try_namespace(char **argv) {
  int flags = strcmp(argv[0], "net") == 0 ? CLONE_NEWNET : strcmp(argv[0], "cgroup") == 0 ? CLONE_NEWCGROUP : CLONE_NEWUSER;
  if (unshare(flags) == 0) gained("a namespace");
}

static void try_clone3(char **argv) {
  (void)argv;
  struct {
    unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
  } arguments = {.flags = CLONE_NEWUSER | CLONE_NEWNET, .exit_signal = SIGCHLD};
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  if (pid > 0) gained("a namespace");
}

static void try_io_uring(char **argv) {
  (void)argv;
  struct io_uring_params parameters = {0};
  if (syscall(SYS_io_uring_setup, 4, &parameters) >= 0) gained("a ring");
}

static void try_perf(char **argv) {
  (void)argv;
  struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event, .exclude_kernel = 1, .exclude_hv = 1};
  if (syscall(SYS_perf_event_open, &event, 0, -1, -1, 0) >= 0) gained("a counter");
}

static void try_type(char **argv) {
  (void)argv;
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), unlocked = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0) return;
  int terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    ioctl(terminal, TIOCSCTTY, 0);
    if (ioctl(terminal, TIOCSTI, "x") == 0) gained("a keyboard");
    _exit(0);
  }
  waitpid(pid, NULL, 0);
}

static void try_node(char **argv) {
  (void)argv;
  char byte;
  const dev_t DEVICES[] = {makedev(1, 1), makedev(254, 0), makedev(8, 0), makedev(1, 11)};
  for (size_t i = 0; i < sizeof DEVICES / sizeof *DEVICES; i++) {
    mode_t type = i == 0 || i == 3 ? S_IFCHR : S_IFBLK;
    unlink("node");
    if (mknod("node", type | 0666, DEVICES[i]) < 0) continue;
    int fd = open("node", O_RDONLY | O_NONBLOCK);
    if (fd >= 0 && (read(fd, &byte, 1) >= 0 || errno != EACCES)) gained("a device");
  }
}

static void try_write(char **argv) {
  for (; *argv; argv++)
    if (open(*argv, O_WRONLY) >= 0) gained(*argv);
}

static void try_kill(char **argv) {
  if (kill(atoi(argv[0]), 0) == 0 && getpid() > 0) gained("a process of the node");
}

static void try_kernel(char **argv) {
  (void)argv;
  if (syscall(SYS_syslog, 3, (char[1]){0}, 1) >= 0) gained("the kernel's log");
  if (syscall(SYS_init_module, "x", 1, "") == 0 || errno == ENOEXEC) gained("a module");
  if (syscall(SYS_kexec_load, 0, 0, NULL, 0) == 0) gained("another kernel");
  if (syscall(SYS_acct, NULL) == 0) gained("accounting");
}

static const struct {
  const char *name;
  void (*run)(char **argv);
} WAYS[] = {{"read", try_read},       {"copy-up", try_copy_up}, {"execute", try_execute},   {"mounts", try_mounts},
            {"handle", try_handle},   {"trace", try_trace},     {"keyring", try_keyring},   {"namespace", try_namespace},
            {"clone3", try_clone3},   {"io_uring", try_io_uring}, {"perf", try_perf},       {"type", try_type},
            {"node", try_node},       {"write", try_write},     {"kill", try_kill},         {"kernel", try_kernel},
            {"socket", try_socket},   {"forge", try_forge}, {"claim", try_claim}};

int main(int argc, char **argv) {
  alarm(20);
  for (size_t i = 0; argc > 1 && i < sizeof WAYS / sizeof *WAYS; i++)
    if (strcmp(WAYS[i].name, argv[1]) == 0) WAYS[i].run(argv + 2);
  return 0;
}
