/* What only looks. */
#include "operations.h"
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static void stat_family(void) {
  struct stat stat_buffer;
  struct statx statx_buffer;
  TRY(stat("file", &stat_buffer));
  say("%o %lu %ld", stat_buffer.st_mode, (unsigned long)stat_buffer.st_nlink, (long)stat_buffer.st_size);
  TRY(fstatat(AT_FDCWD, "symlink", &stat_buffer, AT_SYMLINK_NOFOLLOW));
  say("%o %ld", stat_buffer.st_mode, (long)stat_buffer.st_size);
  TRY(statx(AT_FDCWD, "sparse", 0, STATX_BASIC_STATS, &statx_buffer));
  say("%o %llu %llx", statx_buffer.stx_mode, statx_buffer.stx_size, statx_buffer.stx_attributes);
  TRY(access("file", R_OK | W_OK));
  TRY(access("file", X_OK));
  TRY(faccessat(AT_FDCWD, "program", X_OK, AT_EACCESS));
  TRY(access("theirs", W_OK));
  TRY(access("closed", R_OK));
  TRY(stat("nothing", &stat_buffer));
  TRY(stat("file/below", &stat_buffer));
  TRY(stat("dangling", &stat_buffer));
}

static void blocks(void) {
  const char *names[] = {"file", "sparse", "empty"};
  struct stat before, after;
  for (int i = 0; i < 3; i++) {
    stat(names[i], &before);
    int fd = open(names[i], O_RDONLY);
    fstat(fd, &after);
    close(fd);
    say("%s: %ld then %ld of %ld", names[i], (long)before.st_blocks, (long)after.st_blocks, (long)after.st_blksize);
  }
}

static void read_whole(void) {
  show_fd("file", open("file", O_RDONLY));
  show_fd("again", open("file", O_RDONLY));
  show_fd("empty", open("empty", O_RDONLY));
  show_fd("sparse", open("sparse", O_RDONLY));
  show("file");
}

static void read_places(void) {
  char bytes[64] = "", more[64] = "";
  int fd = open("file", O_RDONLY);
  struct iovec vector[] = {{bytes, 7}, {more, 9}};
  NUMBER(pread(fd, bytes, 20, 123456));
  say("%s", bytes);
  NUMBER(pread(fd, bytes, 20, 299995));
  NUMBER(pread(fd, bytes, 20, 300000));
  NUMBER(lseek(fd, -30, SEEK_END));
  NUMBER(readv(fd, vector, 2));
  say("%.7s %.9s", bytes, more);
  NUMBER(preadv(fd, vector, 2, 1000));
  NUMBER(lseek(fd, 0, SEEK_CUR));
  NUMBER(write(fd, "x", 1));
  NUMBER(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
  NUMBER(readahead(fd, 0, 4096));
}

static void mapped(void) {
  int fd = open("file", O_RDONLY);
  char *shared = mmap(NULL, 300000, PROT_READ, MAP_SHARED, fd, 0);
  char *private = mmap(NULL, 300000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  TRY(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
  close(fd);
  if (shared == MAP_FAILED || private == MAP_FAILED) return say("not mapped");
  say("%016lx %016lx", (unsigned long)digest(0, shared, 300000), (unsigned long)digest(0, private, 300000));
  private[1000] = '!';
  say("%.8s %.8s", shared + 1000, private + 1000);
}

static void holes(void) {
  int fd = open("sparse", O_RDONLY);
  NUMBER(lseek(fd, 0, SEEK_DATA));
  NUMBER(lseek(fd, 0, SEEK_HOLE));
  NUMBER(lseek(fd, 524288, SEEK_HOLE));
  NUMBER(lseek(fd, 600000, SEEK_DATA));
  NUMBER(lseek(fd, 1 << 20, SEEK_HOLE));
  show_fd("from the end", fd);
  fd = open("file", O_RDONLY);
  NUMBER(lseek(fd, 0, SEEK_HOLE));
  NUMBER(lseek(fd, 300001, SEEK_DATA));
}

static void sent(void) {
  int fd = open("file", O_RDONLY), pipes[2], copy = open("copy", O_RDWR | O_CREAT, 0644);
  TRY(pipe(pipes));
  off_t at = 5;
  NUMBER(sendfile(copy, fd, &at, 299995));
  show("copy");
  NUMBER(splice(fd, NULL, pipes[1], NULL, 4096, 0));
}

static void copied(void) {
  int node = open("merged/node", O_RDONLY), fd = open("file", O_RDONLY), copy = open("copy", O_RDWR | O_CREAT, 0644);
  loff_t from = 0, to = 0;
  say("of the node %s", outcome(copy_file_range(node, &from, copy, &to, 10, 0)));
  from = 0;
  say("of the layer %s", outcome(copy_file_range(fd, &from, copy, &to, 300000, 0)));
  show("copy");
}

static void direct(void) {
  int fd = open("file", O_RDONLY | O_DIRECT);
  char *bytes = aligned_alloc(4096, 8192);
  say("open %s", outcome(fd));
  if (fd >= 0) NUMBER(pread(fd, bytes, 8192, 4096));
  if (fd >= 0) say("%016lx", (unsigned long)digest(0, bytes, 8192));
}

static void directories(void) {
  list(".");
  list("merged");
  list("opaque");
  list("below");
  list("nothing");
  list("file");
}

static void links(void) {
  char target[64] = "";
  NUMBER(readlink("symlink", target, sizeof target));
  say("%s", target);
  NUMBER(readlink("file", target, sizeof target));
  show_fd("symlink", open("symlink", O_RDONLY));
  show_fd("chain", open("chain", O_RDONLY));
  TRY(open("dangling", O_RDONLY));
  TRY(open("loop", O_RDONLY));
  TRY(symlink("other", "made"));
  show_fd("made", open("made", O_RDWR));
  show_fd("through", open("directory-link/inner", O_RDONLY));
  char *real = realpath("chain", NULL);
  say("%s", real ? strrchr(real, '/') : strerror(errno));
}

static void attributes(void) {
  char names[256] = "", value[64] = "";
  NUMBER(getxattr("file", "user.colour", value, sizeof value));
  say("%s", value);
  NUMBER(getxattr("file", "trusted.overlay.metacopy", value, sizeof value));
  NUMBER(getxattr("file", "trusted.tees.content", value, sizeof value));
  ssize_t size = listxattr("file", names, sizeof names);
  for (char *name = names; name < names + size; name += strlen(name) + 1) say("%s", name);
  TRY(setxattr("file", "user.shape", "round", 5, 0));
  NUMBER(lgetxattr("file", "user.shape", value, sizeof value));
  TRY(removexattr("file", "user.colour"));
  TRY(getxattr("file", "user.colour", value, sizeof value));
  show("file");
}

static void identity(void) {
  struct stat first, now;
  stat("file", &first);
  int fd = open("file", O_RDONLY);
  fstat(fd, &now);
  say("opened %d %d", first.st_ino == now.st_ino, first.st_dev == now.st_dev);
  chmod("file", 0600);
  stat("file", &now);
  say("changed %d %d", first.st_ino == now.st_ino, first.st_dev == now.st_dev);
  int writing = open("file", O_RDWR);
  fstat(writing, &now);
  say("written %d %d", first.st_ino == now.st_ino, first.st_dev == now.st_dev);
  rename("file", "moved");
  stat("moved", &now);
  say("moved %d %d", first.st_ino == now.st_ino, first.st_dev == now.st_dev);
  show_fd("old descriptor", fd);
}

static void file_system(void) {
  struct statfs statfs_buffer;
  int flags = 0, fd = open("file", O_RDONLY);
  fstatfs(fd, &statfs_buffer);
  say("%lx %ld", (unsigned long)statfs_buffer.f_type, (long)statfs_buffer.f_namelen);
  TRY(fsync(fd));
  TRY(fdatasync(fd));
  TRY(syncfs(fd));
  TRY(ioctl(fd, FS_IOC_GETFLAGS, &flags));
  TRY(ioctl(fd, FIONREAD, &flags));
  say("%d", flags);
  struct pollfd poll_one = {fd, POLLIN | POLLOUT, 0};
  NUMBER(poll(&poll_one, 1, 0));
  say("%x", (unsigned)poll_one.revents);
}

static void raw(void) {
  show_fd("file", (int)syscall(SYS_openat, AT_FDCWD, "file", O_RDONLY));
  long result;
#ifdef __x86_64__
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_openat), "D"(AT_FDCWD), "S"("other"), "d"(O_RDONLY)
                   : "rcx", "r11", "memory");
#else
  result = syscall(SYS_openat, AT_FDCWD, "other", O_RDONLY);
#endif
  if (result < 0) errno = (int)-result;
  show_fd("without the C library", result < 0 ? -1 : (int)result);
}

const struct operation reading[] = {
  {"stat, access", stat_family},
  {"st_blocks", blocks},
  {"read", read_whole},
  {"pread, readv, lseek, fadvise", read_places},
  {"mmap", mapped},
  {"SEEK_HOLE, SEEK_DATA", holes},
  {"sendfile, splice", sent},
  {"copy_file_range", copied},
  {"O_DIRECT", direct},
  {"readdir", directories},
  {"symbolic links", links},
  {"extended attributes", attributes},
  {"inode numbers", identity},
  {"statfs, fsync, ioctl, poll", file_system},
  {"system calls past the C library", raw},
  {0},
};
