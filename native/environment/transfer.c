/*
 * An environment's layer as a tar, written and read by GNU tar: whiteouts are character devices 0:0, opaque directories
 * have user.overlay.opaque, owners are those inside. And its copy, by cp.
 *
 * Both are what root inside would be, in the layer's directory, and have no right that the user has not: what an archive
 * makes them do, its user could do as well. Nor does a layer stand still because its environment does: whoever has kept a
 * descriptor of it outside still writes by it, and may put a link where a directory was while it is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"
#include "identities.h"
#include "request.h"
#include "user.h"
#include "volume.h"

static const char *const WRITE[] = {"/bin/tar", "--create",          "--format=posix",   "--sparse", "--xattrs", "--xattrs-include=*",
                                    "--acls",   "--numeric-owner", "--sort=name", "--file=-", ".",        NULL};
static const char *const READ[] = {"/bin/tar", "--extract",       "--preserve-permissions", "--same-owner", "--xattrs", "--xattrs-include=*",
                                   "--acls",   "--numeric-owner", "--delay-directory-restore", "--file=-",  NULL};

static void require_own(const struct request *request) {
  if (!request->is_own || request->message.fd_count != 3) refuse("NOT_ALLOWED", "an environment is moved by its user alone", "");
}

/* With the client's streams, where there are any. `target`, or -1, is kept. */
static bool run_as_inside(const struct request *request, const struct user *user, const char *directory, int target, const char *const *words) {
  int namespace = identities_make(user);
  pid_t pid = fork();
  if (pid < 0) fail("start", words[0]);
  if (pid == 0) {
    for (int i = 0; i < 3 && request->message.fd_count == 3; i++)
      if (dup2(request->message.fds[i], i) < 0) fail("pass on a stream", "");
    if (chdir(directory) < 0) fail("enter", directory);
    identities_enter(namespace, user);
    keep_only((const int[]){request->connection, target}, target < 0 ? 1 : 2);
    fcntl(request->connection, F_SETFD, FD_CLOEXEC);
    if (target >= 0) fcntl(target, F_SETFD, 0);
    filter_inside(false);
    execve(words[0], (char **)words, (char *[]){"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL});
    fail("start", words[0]);
  }
  int status;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  close(namespace);
  return status == 0;
}

void transfer_export(struct request *request) {
  static struct user user;
  struct place place;
  char upper[PATH_SIZE + 16];
  require_own(request);
  request_existing(request, request_argument(request, 1), &place);
  AUTO_CLOSE int starting = -1, lock = -1;
  request_hold(&place, &starting, &lock);
  user_find(request->uid, &user);
  user_find_ids(request->settings, &user);
  path_print(upper, sizeof upper, "%s/upper", place.path);
  if (!run_as_inside(request, &user, upper, -1, WRITE))
    refuse("ENVIRONMENT_FAILED", "tar could not write all of the environment", "It has said why, above.");
  request_done(request);
}

/* A descriptor of it. */
static int make_upper(const char *path, const struct user *user) {
  make_directory(path, 0755);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fchown(fd, user->uid, user->gid) < 0) fail("give the directory to its user", path);
  return fd;
}

/* Whole or not at all. */
void transfer_import(struct request *request) {
  static struct user user;
  struct place place;
  char growing[PATH_SIZE], upper[PATH_SIZE + 16];
  require_own(request);
  place_of(request->settings, request->uid, request_argument(request, 1), &place);
  if (request->uid == 0) refuse("ENVIRONMENT_OF_ROOT", "the node's root has no environment", "It would be root of the node inside, too.");
  user_find(request->uid, &user);
  user_find_ids(request->settings, &user);
  volume_make(request->settings, request->uid);
  request_grow(&place, growing);
  path_print(upper, sizeof upper, "%s/upper", growing);
  close(make_upper(upper, &user));
  bool is_whole = run_as_inside(request, &user, upper, -1, READ);
  request_settle(growing, &place, is_whole);
  if (!is_whole) refuse("ENVIRONMENT_FAILED", "tar could not read all of the environment", "It has said why, above. Nothing was kept.");
  place_note_ids(&place, &user);
  request_done(request);
}

void transfer_copy(struct request *request) {
  struct place from, to;
  char source[PATH_SIZE + 16], growing[PATH_SIZE], upper[PATH_SIZE + 16], target[64];
  static struct user user;
  request_existing(request, request_argument(request, 1), &from);
  place_of(request->settings, request->uid, request_argument(request, 2), &to);
  AUTO_CLOSE int starting = -1, lock = -1;
  request_hold(&from, &starting, &lock);
  user_find(request->uid, &user);
  user_find_ids(request->settings, &user);
  volume_require(request->settings, request->uid);
  request_grow(&to, growing);
  path_print(source, sizeof source, "%s/upper", from.path);
  path_print(upper, sizeof upper, "%s/upper", growing);
  AUTO_CLOSE int fd = make_upper(upper, &user);
  path_print(target, sizeof target, "/proc/self/fd/%d/.", fd);
  const char *const words[] = {"/bin/cp", "-a", "--reflink=auto", "-T", "--", ".", target, NULL};
  bool is_whole = run_as_inside(request, &user, source, fd, words);
  request_settle(growing, &to, is_whole);
  if (!is_whole) refuse("ENVIRONMENT_FAILED", "the environment could not be copied", "Is there room? See df and tees env usage.");
  place_note_ids(&to, &user);
  request_done(request);
}
