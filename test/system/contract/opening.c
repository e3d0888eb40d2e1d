/* The ways to open: by flags, by descriptors, by streams; and what else than a file answers. */
#include "operations.h"
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

static void paths_only(void) {
  int fd = open("file", O_PATH | O_CLOEXEC);
  char byte, name[64];
  struct stat stat;
  TRY(fd);
  TRY(fstat(fd, &stat));
  say("%ld", (long)stat.st_size);
  TRY(read(fd, &byte, 1));
  TRY(fchmod(fd, 0600));
  TRY(fgetxattr(fd, "user.colour", &byte, 1));
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  show_fd("opened again", open(name, O_RDONLY));
  TRY(chmod(name, 0640));
  TRY(openat(fd, "x", O_RDONLY));
  show("file");
  int link = open("symlink", O_PATH | O_NOFOLLOW);
  TRY(link);
  NUMBER(readlinkat(link, "", name, sizeof name));
  int directory = open("below", O_PATH | O_DIRECTORY);
  show_fd("below", openat(directory, "inner", O_RDONLY));
  show_fd("O_PATH of another, moved", (rename("other", "moved"), open("moved", O_RDONLY)));
}

static void no_follow(void) {
  TRY(open("symlink", O_RDONLY | O_NOFOLLOW));
  show_fd("file", open("file", O_RDONLY | O_NOFOLLOW));
  show_fd("through a directory's link", open("directory-link/inner", O_RDONLY | O_NOFOLLOW));
  TRY(open("loop", O_RDONLY));
  TRY(open("dangling", O_RDONLY | O_NOFOLLOW));
}

static void descriptors(void) {
  int below = open("below", O_RDONLY | O_DIRECTORY);
  show_fd("inner", openat(below, "inner", O_RDONLY));
  show_fd("up", openat(below, "../file", O_RDONLY));
  TRY(openat(below, "nothing", O_RDONLY));
  TRY(open("other", O_RDONLY | O_DIRECTORY));
  int other = open("other", O_RDONLY);
  TRY(openat(other, "x", O_RDONLY));
  struct stat stat;
  TRY(fstatat(below, "inner", &stat, 0));
  TRY(fstatat(other, "", &stat, AT_EMPTY_PATH));
  TRY(fchmodat(below, "inner", 0600, 0));
  TRY(renameat(below, "inner", AT_FDCWD, "came"));
  TRY(linkat(AT_FDCWD, "came", below, "inner", 0));
  TRY(unlinkat(AT_FDCWD, "came", 0));
  TRY(fchdir(below));
  show("inner");
  TRY(openat(999, "x", O_RDONLY));
}

static void resolved(void) {
  struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
  int below = open("below", O_RDONLY | O_DIRECTORY);
  TRY(syscall(SYS_openat2, below, "../file", &how, sizeof how));
  show_fd("inner", (int)syscall(SYS_openat2, below, "inner", &how, sizeof how));
  how.resolve = RESOLVE_NO_SYMLINKS;
  TRY(syscall(SYS_openat2, AT_FDCWD, "symlink", &how, sizeof how));
}

static void errors(void) {
  TRY(open("nothing", O_RDONLY));
  TRY(open("file/below", O_RDONLY));
  TRY(open("closed", O_RDONLY));
  TRY(open("theirs", O_RDWR));
  TRY(open("below", O_RDWR));
  TRY(open("file", O_RDONLY | O_CREAT | O_EXCL, 0600));
  TRY(open("symlink", O_RDWR | O_CREAT | O_EXCL, 0600));
  TRY(open("theirs", O_WRONLY | O_TRUNC));
  TRY(open(NULL, O_RDONLY));
  show_fd("theirs", open("theirs", O_RDONLY));
}

static void duplicates(void) {
  char bytes[17] = "";
  int fd = open("file", O_RDONLY), second = dup(fd), third = fcntl(fd, F_DUPFD_CLOEXEC, 50);
  say("%d %d %d", second - fd, third, fcntl(third, F_GETFD));
  NUMBER(read(fd, bytes, 16));
  NUMBER(lseek(second, 0, SEEK_CUR));
  NUMBER(read(third, bytes, 16));
  say("%s", bytes);
  say("flags %x", (unsigned)fcntl(fd, F_GETFL) & ~(unsigned)O_LARGEFILE);
}

static void streams(void) {
  char bytes[65] = "";
  FILE *stream = fopen("file", "r");
  say("%s", stream ? fgets(bytes, sizeof bytes, stream) : strerror(errno));
  stream = freopen("other", "r+", stream);
  say("%s", stream ? fgets(bytes, sizeof bytes, stream) : strerror(errno));
  fseek(stream, 0, SEEK_END);
  fputs("more", stream);
  fclose(stream);
  show("other");
  say("%s", fopen("file", "wx") ? "made" : strerror(errno));
}

const struct operation opening[] = {
  {"O_PATH", paths_only},
  {"O_NOFOLLOW", no_follow},
  {"openat and others with directory descriptors", descriptors},
  {"openat2", resolved},
  {"errors of open, O_CREAT with O_EXCL", errors},
  {"dup", duplicates},
  {"fopen, freopen", streams},
  {0},
};
