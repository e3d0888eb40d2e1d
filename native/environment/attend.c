#include "attend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "monitor.h"
#include "places.h"
#include "request.h"
#include "user.h"
#include "volume.h"

/* Whoever says nothing for so long is not waited for. */
#define REQUEST_DEADLINE_S 10
/* An environment may be ending when somebody comes. */
#define HAND_ON_ATTEMPTS 3
/* What one gets who names none. */
#define DEFAULT_NAME "default"

const char *request_argument(const struct request *request, size_t index) {
  if (request->verb + index >= request->message.count)
    refuse("REQUEST_INVALID", "the request cannot be understood", "Are the command and the daemon of one version?");
  return request->message.strings[request->verb + index];
}

static void refuse_unknown(void) __attribute__((noreturn));
static void refuse_unknown(void) {
  refuse("ENVIRONMENT_UNKNOWN", "you have no environment of that name", "tees env list shows yours; tees env start NAME makes one.");
}

void request_done(const struct request *request) {
  message_say(request->connection, "done");
  _exit(0);
}

static void find_and_make(const struct request *request, const struct place *place, struct user *user) {
  user_find(request->uid, user);
  volume_make(request->settings, request->uid);
  place_make(place, user);
}

/* A connection to the environment, which is started when it does not run. */
static int reach(const struct request *request, const char *name, bool may_make) {
  static struct user user;
  struct place place;
  place_of(request->settings, request->uid, name, &place);
  if (request->uid == 0)
    refuse("ENVIRONMENT_OF_ROOT", "the node's root has no environment", "It would be root of the node inside, too.");
  bool exists = place_exists(&place);
  if (!exists && !may_make) refuse_unknown();
  volume_require(request->settings, request->uid);
  if (!exists) find_and_make(request, &place, &user);
  /* Two who come at once find one. */
  AUTO_CLOSE int starting = place_lock(&place, "starting", true);
  int socket = place_connect(&place, place.socket);
  if (socket >= 0) {
    /* What runs holds the lock of its own directory. */
    AUTO_CLOSE int lock = place_lock(&place, "lock", false);
    if (lock < 0) return socket;
    refuse("ENVIRONMENT_BROKEN", "the files of the environment were removed while it runs",
           "What is still done in it is lost: tees env stop NAME, and start it anew.");
  }
  /* What runs knows its user. */
  if (exists) find_and_make(request, &place, &user);
  user_find_ids(request->settings, &user);
  if (exists) volume_lend(request->settings, request->uid);
  place_note_ids(&place, &user);
  monitor_start(request->settings, &user, &place);
  volume_keep(request->settings, request->uid);
  socket = place_connect(&place, place.socket);
  if (socket < 0) fail("reach the environment that was started", name);
  return socket;
}

/* False: the environment has ended, and the command has not begun. */
static bool hand_on(const struct request *request, const char *name) {
  AUTO_CLOSE int socket = reach(request, name, strcmp(name, DEFAULT_NAME) == 0);
  struct timeval deadline = {.tv_sec = REQUEST_DEADLINE_S};
  int fds[MESSAGE_FDS_MAX] = {request->connection};
  memcpy(fds + 1, request->message.fds, request->message.fd_count * sizeof(int));
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  if (message_send(socket, fds, 1 + request->message.fd_count, (const char *const *)request->message.strings) < 0) return false;
  char taken;
  ssize_t got;
  do got = read(socket, &taken, 1);
  while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) refuse("ENVIRONMENT_FAILED", "the environment does not answer", "tees env stop NAME, and start it anew.");
  return got == 1;
}

static void enter(struct request *request) {
  const char *name = request_argument(request, 1);
  if (!request->is_own || request->message.fd_count > MESSAGE_FDS_MAX - 1)
    refuse("NOT_ALLOWED", "an environment is entered by its user alone", "");
  for (int attempt = 0; attempt < HAND_ON_ATTEMPTS; attempt++)
    if (hand_on(request, name)) _exit(0);
  refuse("ENVIRONMENT_ENDED", "the environment has ended before the command began", "Has it run out of memory? See dmesg.");
}

static void start(struct request *request) {
  close(reach(request, request_argument(request, 1), true));
  request_done(request);
}

/* Returns when nothing of it runs. False: it did not. */
static bool end(const struct place *place) {
  AUTO_CLOSE int monitor = place_connect(place, place->monitor);
  if (monitor < 0) return false;
  char none;
  while (read(monitor, &none, 1) < 0 && errno == EINTR) {}
  return true;
}

void request_existing(const struct request *request, const char *name, struct place *place) {
  place_of(request->settings, request->uid, name, place);
  if (!place_exists(place)) refuse_unknown();
}

static void stop(struct request *request) {
  struct place place;
  request_existing(request, request_argument(request, 1), &place);
  end(&place);
  request_done(request);
}

int request_run(const char *const *arguments) {
  pid_t pid = fork();
  if (pid < 0) fail("start", arguments[0]);
  if (pid == 0) {
    execv(arguments[0], (char **)arguments);
    _exit(1);
  }
  int status;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

/* What nobody works at any more was left by a node that went down. */
static void sweep_aside(const struct place *place) {
  char parent[PATH_SIZE], path[PATH_SIZE];
  path_print(parent, sizeof parent, "%.*s", (int)(strrchr(place->path, '/') - place->path), place->path);
  DIR *listing = opendir(parent);
  for (struct dirent *entry; listing && (entry = readdir(listing));) {
    pid_t pid = strncmp(entry->d_name, ASIDE, strlen(ASIDE)) == 0 ? atoi(strrchr(entry->d_name, '.') + 1) : 0;
    if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH) continue;
    path_print(path, sizeof path, "%s/%s", parent, entry->d_name);
    request_run((const char *const[]){"/bin/rm", "-rf", "--one-file-system", "--", path, NULL});
  }
  if (listing) closedir(listing);
}

/* Nobody starts it meanwhile: `starting` and `lock` go to the side with it. */
static void delete(struct request *request) {
  struct place place;
  char aside[PATH_SIZE];
  request_existing(request, request_argument(request, 1), &place);
  AUTO_CLOSE int starting = place_lock(&place, "starting", true);
  end(&place);
  AUTO_CLOSE int lock = place_lock(&place, "lock", false);
  if (lock < 0) refuse("ENVIRONMENT_IN_USE", "somebody else uses the environment's files", "It may run on another node.");
  sweep_aside(&place);
  place_aside(&place, aside);
  if (rename(place.path, aside) < 0) fail("remove", place.path);
  if (request_run((const char *const[]){"/bin/rm", "-rf", "--one-file-system", "--", aside, NULL}) != 0)
    fail("remove what is left of the environment", aside);
  close(starting);
  close(lock);
  starting = lock = -1;
  volume_tidy(request->settings, request->uid);
  request_done(request);
}

/* The kernel warns, and no more, of changes below a mounted overlay. */
void request_hold(const struct place *place, int *starting, int *lock) {
  *starting = place_lock(place, "starting", true);
  *lock = place_lock(place, "lock", false);
  if (*lock < 0)
    refuse("ENVIRONMENT_RUNS", "the environment runs, and may change meanwhile", "Stop it first: tees env stop NAME.");
}

void request_grow(const struct place *place, char *growing) {
  if (place_exists(place)) refuse("ENVIRONMENT_EXISTS", "you have an environment of that name", "Delete it, or take another name.");
  char parent[PATH_SIZE];
  strcpy(parent, place->path);
  *strrchr(parent, '/') = '\0';
  make_directory(parent, 0700);
  sweep_aside(place);
  place_aside(place, growing);
  make_directory(growing, 0711);
}

void request_settle(const char *growing, const struct place *place, bool is_whole) {
  if (is_whole && rename(growing, place->path) == 0) return;
  int error = errno;
  request_run((const char *const[]){"/bin/rm", "-rf", "--one-file-system", "--", growing, NULL});
  if (!is_whole) return;
  errno = error;
  fail("make the environment", place->name);
}

static void tell_environment(const struct request *request, const char *name) {
  struct place place;
  struct stat found;
  char path[PATH_SIZE + 64], since[32] = "0";
  place_of(request->settings, request->uid, name, &place);
  if (!place_exists(&place)) return;
  int socket = place_connect(&place, place.socket);
  path_print(path, sizeof path, "%s/%s", place.sockets, place.socket);
  if (socket >= 0 && stat(path, &found) == 0) snprintf(since, sizeof since, "%lld", (long long)found.st_mtime);
  if (socket >= 0) close(socket);
  message_say(request->connection, "environment", name, socket >= 0 ? "running" : "stopped", since);
}

static void list(struct request *request) {
  char path[PATH_SIZE];
  path_print(path, sizeof path, "%s/users/%u", request->settings->directory, request->uid);
  DIR *listing = opendir(path);
  for (struct dirent *entry; listing && (entry = readdir(listing));)
    if (*entry->d_name != '.' && strcmp(entry->d_name, LOST_AND_FOUND) != 0) tell_environment(request, entry->d_name);
  request_done(request);
}

/* Of each inode once. */
static void usage(struct request *request) {
  struct place place;
  char upper[PATH_SIZE + 16], bytes[32], files[32], taken[32] = "", size[32] = "";
  request_existing(request, request_argument(request, 1), &place);
  path_print(upper, sizeof upper, "%s/upper", place.path);
  unsigned long long blocks = 0, count = 0;
  FTS *walk = fts_open((char *[]){upper, NULL}, FTS_PHYSICAL | FTS_XDEV, NULL);
  for (FTSENT *entry; walk && (entry = fts_read(walk));) {
    if (entry->fts_info == FTS_DP || !entry->fts_statp) continue;
    nlink_t links = entry->fts_info == FTS_D ? 1 : entry->fts_statp->st_nlink;
    blocks += (unsigned long long)entry->fts_statp->st_blocks * 512 / (links ? links : 1);
    count++;
  }
  snprintf(bytes, sizeof bytes, "%llu", blocks);
  snprintf(files, sizeof files, "%llu", count);
  unsigned long long used, most;
  if (volume_room(request->settings, request->uid, &used, &most)) {
    snprintf(taken, sizeof taken, "%llu", used);
    snprintf(size, sizeof size, "%llu", most);
  }
  message_say(request->connection, "usage", bytes, files, taken, size);
  request_done(request);
}

static const struct {
  const char *name;
  void (*act)(struct request *request);
} VERBS[] = {{"enter", enter}, {"start", start}, {"stop", stop}, {"delete", delete}, {"copy", transfer_copy}, {"export", transfer_export}, {"import", transfer_import}, {"list", list}, {"usage", usage}};

/* By the kernel's word. The node's root may speak for others. */
static void identify(struct request *request) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(request->connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) fail("learn who asks", "");
  request->uid = peer.uid;
  request->is_own = true;
  const char *first = request_argument(request, 0);
  if (strncmp(first, "user=", 5) != 0) return;
  if (peer.uid != 0 && !is_weak(WEAK_IDENTITY)) refuse("NOT_ALLOWED", "for somebody else the node's root alone may ask", "");
  request->uid = (uid_t)strtoul(first + 5, NULL, 10);
  request->is_own = false;
  request->verb = 1;
}

void attend(const struct settings *settings, int connection) {
  struct request request = {.settings = settings, .connection = connection};
  struct timeval deadline = {.tv_sec = REQUEST_DEADLINE_S};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  failures_to(connection);
  if (message_receive(connection, &request.message) < 0) _exit(STATUS_FAILED);
  identify(&request);
  volume_use(settings, request.uid);
  const char *verb = request_argument(&request, 0);
  for (size_t i = 0; i < COUNT_OF(VERBS); i++)
    if (strcmp(VERBS[i].name, verb) == 0) VERBS[i].act(&request);
  refuse("REQUEST_INVALID", "there is no such request", "Are the command and the daemon of one version?");
}
