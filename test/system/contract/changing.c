/* What changes a file, and so has it copied up. */
#include "operations.h"
#include <sys/file.h>
#include <sys/time.h>
#include <utime.h>

/* Of the task, besides its own: fixture.ts. */
#define OTHER_GROUP 12346

static void change_mode(void) {
  TRY(chmod("file", 0600));
  show("file");
  TRY(chmod("other", 04755));
  show("other");
  int fd = open("script", O_RDONLY);
  TRY(fchmod(fd, 0400));
  close(fd);
  show("script");
  TRY(fchmodat(AT_FDCWD, "symlink", 0604, 0));
  show("file");
  TRY(chmod("theirs", 0600));
  TRY(chmod("below", 0700));
  show("below/inner");
}

static void change_owner(void) {
  TRY(chown("file", (uid_t)-1, OTHER_GROUP));
  show("file");
  TRY(chown("other", 0, 0));
  TRY(lchown("symlink", (uid_t)-1, OTHER_GROUP));
  show("symlink");
  int fd = open("other", O_RDONLY);
  TRY(fchown(fd, (uid_t)-1, OTHER_GROUP));
  close(fd);
  show("other");
}

static void change_times(void) {
  struct timespec times[2] = {{1111111111, 5}, {1222222222, 7}};
  TRY(utimensat(AT_FDCWD, "file", times, 0));
  show("file");
  TRY(utimensat(AT_FDCWD, "symlink", times, AT_SYMLINK_NOFOLLOW));
  show("symlink");
  struct utimbuf one = {1000000000, 1000000001};
  TRY(utime("other", &one));
  show("other");
  TRY(utimes("script", NULL));
  show("script");
  TRY(utimensat(AT_FDCWD, "theirs", times, 0));
}

static void cut(void) {
  TRY(truncate("file", 1000));
  show("file");
  TRY(truncate("other", 0));
  show("other");
  TRY(truncate("script", 500000));
  show("script");
  int fd = open("hard-1", O_RDWR);
  TRY(ftruncate(fd, 12345));
  close(fd);
  show("hard-1");
  show("hard-2");
  TRY(truncate("theirs", 0));
  TRY(truncate("below", 0));
  TRY(truncate("file", -1));
}

static void cut_at_open(void) {
  int fd = open("file", O_WRONLY | O_TRUNC);
  write_all(fd, "instead");
  close(fd);
  show("file");
  fd = open("other", O_RDWR | O_CREAT | O_TRUNC, 0600);
  close(fd);
  show("other");
  fd = creat("script", 0644);
  close(fd);
  show("script");
  TRY(open("theirs", O_WRONLY | O_TRUNC));
  TRY(open("nothing", O_WRONLY | O_TRUNC));
}

static void append(void) {
  int fd = open("file", O_WRONLY | O_APPEND);
  write_all(fd, "more");
  write_all(fd, "and more");
  close(fd);
  show("file");
  fd = open("other", O_RDWR | O_APPEND | O_CREAT, 0600);
  NUMBER(lseek(fd, 0, SEEK_CUR));
  write_all(fd, "more");
  lseek(fd, -20, SEEK_END);
  show_fd("the end", fd);
  fd = open("sparse", O_WRONLY | O_APPEND);
  write_all(fd, "more");
  close(fd);
  show("sparse");
}

static void overwrite(void) {
  int before = open("file", O_RDONLY), fd = open("file", O_RDWR);
  NUMBER(pwrite(fd, "changed", 7, 200000));
  NUMBER(pwrite(fd, "beyond", 6, 400000));
  show_fd("through its descriptor", fd);
  show_fd("opened before", before);
  show("file");
  fd = open("other", O_WRONLY);
  write_all(fd, "first");
  close(fd);
  show("other");
  TRY(open("theirs", O_WRONLY));
}

static void reserve(void) {
  int fd = open("file", O_RDWR);
  TRY(fallocate(fd, 0, 0, 400000));
  TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 40960));
  TRY(posix_fallocate(fd, 0, 500000) ? -1 : 0);
  close(fd);
  show("file");
}

static void mapped_writing(void) {
  int fd = open("file", O_RDWR);
  char *bytes = mmap(NULL, 300000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED) return say("%s", strerror(errno));
  memcpy(bytes + 100000, "mapped", 6);
  TRY(msync(bytes, 300000, MS_SYNC));
  close(fd);
  show("file");
  munmap(bytes, 300000);
  show("file");
}

static void mapped_before(void) {
  int fd = open("file", O_RDONLY);
  char *bytes = mmap(NULL, 300000, PROT_READ, MAP_SHARED, fd, 0);
  int writing = open("file", O_RDWR);
  NUMBER(pwrite(writing, "changed", 7, 0));
  say("%.7s", bytes == MAP_FAILED ? "not" : bytes);
  close(fd);
  close(writing);
  show("file");
}

static void locks(void) {
  int fd = open("file", O_RDWR), other = open("other", O_RDONLY);
  TRY(flock(fd, LOCK_EX));
  TRY(flock(other, LOCK_SH));
  struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
  TRY(fcntl(fd, F_SETLK, &range));
  TRY(fcntl(other, F_SETLEASE, F_RDLCK));
  pid_t pid = fork();
  if (pid == 0) {
    int mine = open("file", O_RDWR), shared = open("other", O_RDONLY), bits = 0;
    if (flock(mine, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) bits |= 1;
    if (flock(shared, LOCK_SH | LOCK_NB) == 0) bits |= 2;
    if (fcntl(mine, F_GETLK, &range) == 0 && range.l_type == F_WRLCK) bits |= 4;
    struct flock free = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 10};
    if (fcntl(mine, F_SETLK, &free) == 0) bits |= 8;
    if (flock(shared, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) bits |= 16;
    _exit(bits);
  }
  show_end("the other process", pid);
  TRY(flock(fd, LOCK_UN));
  show_fd("file", fd);
}

const struct operation changing[] = {
  {"chmod", change_mode},
  {"chown", change_owner},
  {"utimensat, utime", change_times},
  {"truncate", cut},
  {"O_TRUNC", cut_at_open},
  {"append", append},
  {"O_RDWR, pwrite", overwrite},
  {"fallocate", reserve},
  {"mmap, written", mapped_writing},
  {"copy-up under a mapping", mapped_before},
  {"flock, fcntl locks, leases", locks},
  {0},
};
