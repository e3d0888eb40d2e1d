/*
 * An environment's layer as a tar, written and read by GNU tar: whiteouts are character devices 0:0, opaque directories
 * have user.overlay.opaque, owners are those inside. tar is what root inside would be, in the layer's directory, and has no right
 * that the user has not: what an archive makes it do, its user could do as well.
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

static const char *const WRITE[] = {"/bin/tar", "--create",          "--format=posix",   "--sparse", "--xattrs", "--xattrs-include=*",
                                    "--acls",   "--numeric-owner", "--sort=name", "--file=-", ".",        NULL};
static const char *const READ[] = {"/bin/tar", "--extract",       "--preserve-permissions", "--same-owner", "--xattrs", "--xattrs-include=*",
                                   "--acls",   "--numeric-owner", "--delay-directory-restore", "--file=-",  NULL};

static void require_own(const struct request *request) {
  if (!request->is_own || request->message.fd_count != 3) refuse("NOT_ALLOWED", "an environment is moved by its user alone", "");
}

/* With the client's streams. */
static bool run_tar(const struct request *request, const struct user *user, const char *directory, const char *const *words) {
  int namespace = identities_make(user);
  pid_t pid = fork();
  if (pid < 0) fail("start", words[0]);
  if (pid == 0) {
    for (int i = 0; i < 3; i++)
      if (dup2(request->message.fds[i], i) < 0) fail("pass on a stream", "");
    if (chdir(directory) < 0) fail("enter", directory);
    identities_enter(namespace, user);
    keep_only((const int[]){request->connection}, 1);
    fcntl(request->connection, F_SETFD, FD_CLOEXEC);
    filter_install(false);
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
  if (!run_tar(request, &user, upper, WRITE))
    refuse("ENVIRONMENT_FAILED", "tar could not write all of the environment", "It has said why, above.");
  request_done(request);
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
  request_grow(request, &place, growing);
  path_print(upper, sizeof upper, "%s/upper", growing);
  make_directory(upper, 0755);
  if (chown(upper, user.uid, user.gid) < 0) fail("give the directory to its user", upper);
  bool is_whole = run_tar(request, &user, upper, READ);
  request_settle(growing, &place, is_whole);
  if (!is_whole) refuse("ENVIRONMENT_FAILED", "tar could not read all of the environment", "It has said why, above. Nothing was kept.");
  place_note_ids(&place, &user);
  request_done(request);
}
