#include "crypt.h"
#include "storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GROUPS_MAX = 65536, NAME_BYTES = 16, NONE = -1 };

static unsigned char piece[STORAGE_PIECE_MAX];
static const char *parent, *name;
/* Of NAME. Another one than the parent's path leads to after the first look is of no interest. */
static int directory = NONE;
static int open_segment = NONE;
static uint32_t open_number;
/* Of a segment that is written. */
static uint64_t written;

/* Negative: why not. */
static int become(char **argv) {
  uid_t uid = (uid_t)strtoul(argv[1], NULL, 10);
  gid_t gid = (gid_t)strtoul(argv[2], NULL, 10);
  static gid_t groups[GROUPS_MAX];
  size_t count = 0;
  for (char *next = argv[3]; *next && count < GROUPS_MAX; next += *next == ',') groups[count++] = (gid_t)strtoul(next, &next, 10);
  /* A daemon that is not root has its own jobs only. */
  if (geteuid() != 0) return geteuid() == uid ? 0 : -EPERM;
  if (setgroups(count, groups) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0) return -errno;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static bool read_all(void *to, size_t size) {
  for (size_t got = 0; got < size;) {
    ssize_t count = read(STDIN_FILENO, (char *)to + got, size - got);
    if (count > 0) got += (size_t)count;
    else if (count == 0 || errno != EINTR) return false;
  }
  return true;
}

static bool write_all(int fd, const void *from, size_t size) {
  for (size_t put = 0; put < size;) {
    ssize_t count = write(fd, (const char *)from + put, size - put);
    if (count >= 0) put += (size_t)count;
    else if (errno != EINTR) return false;
  }
  return true;
}

/* 0 or an errno. */
static int enter(void) {
  if (directory >= 0) return 0;
  int above = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (above < 0) return errno;
  directory = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int error = directory < 0 ? errno : 0;
  close(above);
  return error;
}

static int make(void) {
  int above = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (above < 0) return errno;
  int error = mkdirat(above, name, 0700) < 0 ? errno : 0;
  close(above);
  return error ? error : enter();
}

static int close_segment(void) {
  if (open_segment < 0) return 0;
  int fd = open_segment;
  open_segment = NONE;
  return close(fd) < 0 ? errno : 0;
}

static int use_segment(uint32_t number, int flags) {
  if (open_segment >= 0 && open_number == number) return 0;
  int error = close_segment();
  if (!error) error = enter();
  if (error) return error;
  char file[NAME_BYTES];
  snprintf(file, sizeof file, "%u", number);
  open_segment = openat(directory, file, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (open_segment < 0) return errno;
  open_number = number;
  written = 0;
  struct stat stat;
  if (fstat(open_segment, &stat) == 0 && S_ISREG(stat.st_mode)) return 0;
  close_segment();
  return EINVAL;
}

static int append(const struct request *request) {
  int error = use_segment(request->segment, O_WRONLY | O_CREAT | O_EXCL);
  if (!error) error = crypt_piece(request->segment, written, piece, request->length);
  if (error) return error;
  written += request->length;
  return write_all(open_segment, piece, request->length) ? 0 : errno;
}

/* What a network file system has not taken it may say only now. */
static int finish(const struct request *request) {
  if (open_segment < 0 || open_number != request->segment) return EBADF;
  int error = fsync(open_segment) < 0 ? errno : 0;
  int closed = close_segment();
  return error ? error : closed;
}

static int read_piece(const struct request *request) {
  int error = use_segment(request->segment, O_RDONLY);
  for (size_t got = 0; !error && got < request->length;) {
    ssize_t count = pread(open_segment, piece + got, request->length - got, (off_t)(request->offset + got));
    if (count > 0) got += (size_t)count;
    else if (count == 0) error = ENODATA;
    else if (errno != EINTR) error = errno;
  }
  if (!error) error = crypt_piece(request->segment, request->offset, piece, request->length);
  /* The next try opens it anew, which is what shows what has been written meanwhile. */
  if (error) close_segment();
  return error;
}

static int remove_all(void) {
  close_segment();
  int error = enter();
  if (error) return error == ENOENT ? 0 : error;
  DIR *listing = fdopendir(directory);
  if (!listing) return errno;
  for (struct dirent *entry; (entry = readdir(listing));)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlinkat(dirfd(listing), entry->d_name, 0);
  closedir(listing);
  directory = NONE;
  int above = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (above < 0) return errno;
  error = unlinkat(above, name, AT_REMOVEDIR) < 0 ? errno : 0;
  close(above);
  return error;
}

static int perform(const struct request *request) {
  switch (request->op) {
    case OP_KEY: return request->length == STORAGE_KEY_BYTES ? crypt_key(piece) : EINVAL;
    case OP_MAKE: return make();
    case OP_WRITE: return append(request);
    case OP_FINISH: return finish(request);
    case OP_READ: return read_piece(request);
    case OP_REMOVE: return remove_all();
    default: return EINVAL;
  }
}

static bool has_body(const struct request *request) {
  return request->op == OP_WRITE || request->op == OP_KEY;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: tees-storage UID GID GROUPS DIRECTORY NAME\n");
    return 2;
  }
  parent = argv[4];
  name = argv[5];
  umask(077);
  signal(SIGXFSZ, SIG_IGN);
  int refused = become(argv);
  /* After the change of identity, which would undo it. What passes through here the user must not look at. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 0);
  for (struct request request; read_all(&request, sizeof request);) {
    bool fits = request.length <= STORAGE_PIECE_MAX;
    if (!fits || (has_body(&request) && !read_all(piece, request.length))) return 1;
    struct reply reply = {.error = refused ? -refused : perform(&request)};
    if (!reply.error && request.op == OP_READ) reply.length = request.length;
    if (!write_all(STDOUT_FILENO, &reply, sizeof reply) || !write_all(STDOUT_FILENO, piece, reply.length)) return 1;
  }
  return 0;
}
