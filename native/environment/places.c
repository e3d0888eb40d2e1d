#include "places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"

static bool is_name(const char *name) {
  size_t length = strlen(name);
  if (length == 0 || length > NAME_MAX_BYTES || *name == '.' || *name == '-') return false;
  return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

void place_of(const struct settings *settings, uid_t uid, const char *name, struct place *place) {
  if (!is_name(name))
    refuse("ENVIRONMENT_NAME_INVALID", "that is no name for an environment",
           "It has up to 64 letters, digits, and . _ -, the first a letter or a digit.");
  place->uid = uid;
  strcpy(place->name, name);
  path_print(place->path, sizeof place->path, "%s/users/%u/%s", settings->directory, uid, name);
  path_print(place->sockets, sizeof place->sockets, "%s/environments", settings->runtime);
  path_print(place->socket, sizeof place->socket, "%u.%s", uid, name);
  path_print(place->monitor, sizeof place->monitor, "monitor.%u.%s", uid, name);
}

void make_directory(const char *path, mode_t mode) {
  if (mkdir(path, mode) < 0 && errno != EEXIST) fail("make the directory", path);
}

bool place_exists(const struct place *place) {
  char path[PATH_SIZE + 16];
  path_print(path, sizeof path, "%s/upper", place->path);
  return access(path, F_OK) == 0;
}

static void make_owned(const struct place *place, const struct user *user, const char *name, mode_t mode) {
  char path[PATH_SIZE + 16];
  path_print(path, sizeof path, "%s/%s", place->path, name);
  make_directory(path, mode);
  if (chown(path, user->uid, user->gid) < 0) fail("give the directory to its user", path);
}

void place_make(const struct place *place, const struct user *user) {
  char path[PATH_SIZE];
  strcpy(path, place->path);
  *strrchr(path, '/') = '\0';
  make_directory(path, is_weak(WEAK_PLACES) ? 0755 : 0700);
  /* Who is root inside goes through it to both; what is above lets nobody in. */
  make_directory(place->path, 0711);
  make_owned(place, user, "work", 0700);
  make_owned(place, user, "upper", 0755);
}

void place_note_ids(const struct place *place, const struct user *user) {
  char path[PATH_SIZE + 16];
  char noted[64] = "", ids[64];
  path_print(path, sizeof path, "%s/ids", place->path);
  int size = path_print(ids, sizeof ids, "%u %u %u %u\n", user->uid, user->gid, user->first_uid, user->first_gid);
  AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || read(fd, noted, sizeof noted - 1) < 0) fail("read the noted ids", path);
  /* A file that is truncated is written out at once, and most often nothing has changed. */
  if (strcmp(noted, ids) == 0) return;
  if (ftruncate(fd, 0) < 0 || pwrite(fd, ids, (size_t)size, 0) != size) fail("note the ids", path);
}

void place_aside(const struct place *place, char *path) {
  path_print(path, PATH_SIZE, "%.*s/" ASIDE "%s.%d", (int)(strrchr(place->path, '/') - place->path), place->path, place->name, getpid());
}

int place_lock(const struct place *place, const char *which, bool waits) {
  char path[PATH_SIZE + 16];
  path_print(path, sizeof path, "%s/%s", place->path, which);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) fail("open the lock", path);
  if (flock(fd, LOCK_EX | (waits ? 0 : LOCK_NB)) == 0) return fd;
  if (errno != EWOULDBLOCK) fail("lock", path);
  close(fd);
  return -1;
}

/* A socket's name may be short only: hence by way of the directory. */
static int with_socket(const struct place *place, const char *name, int (*act)(int, const struct sockaddr *, socklen_t)) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("make a socket", name);
  AUTO_CLOSE int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (chdir(place->sockets) < 0) fail("enter the directory of sockets", place->sockets);
  strcpy(address.sun_path, name);
  int done = act(fd, (struct sockaddr *)&address, sizeof address);
  int error = errno;
  if (before < 0 || fchdir(before) < 0) fail("leave the directory of sockets", place->sockets);
  errno = error;
  if (done == 0) return fd;
  close(fd);
  errno = error;
  return -1;
}

int place_connect(const struct place *place, const char *name) {
  int fd = with_socket(place, name, connect);
  if (fd < 0 && errno != ENOENT && errno != ECONNREFUSED) fail("reach the environment", place->name);
  return fd;
}

static int bind_anew(int fd, const struct sockaddr *address, socklen_t size) {
  const char *path = ((const struct sockaddr_un *)address)->sun_path;
  unlink(path);
  if (bind(fd, address, size) < 0 || listen(fd, 64) < 0) return -1;
  return chmod(path, is_weak(WEAK_PLACES) ? 0777 : 0700);
}

int place_listen(const struct place *place, const char *name) {
  int fd = with_socket(place, name, bind_anew);
  if (fd < 0) fail("listen for the environment", place->name);
  return fd;
}
