#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../native/environment/message.h"
#include "../../native/launch/filter.h"

/* Slurm blocks signals until the program runs: so often it is looked whether the task is to end. */
#define LOOK_INTERVAL_MS 200
#define END_DEADLINE_S 5
#define WORDS_MAX_BYTES (64u << 10)
/* A daemon that is started again is there by then. */
#define AWAY_DEADLINE_MS 10000

static char text[PATH_SIZE + 256];

static const char *failure(const char *what, const char *path) {
  snprintf(text, sizeof text, "cannot %s%s%s: %s", what, *path ? ": " : "", path, strerror(errno));
  return text;
}

static int reach(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  close_fd(&fd);
  return -1;
}

/*
 * Nobody else than root can put anything in the place of one of its directories, or into the last of them: whatever is there, or
 * will be, is root's. Its last part is the door's name, so that it is no other socket of root's.
 */
bool door_is_roots(const char *path) {
  char part[PATH_SIZE];
  struct stat found;
  size_t length = strlen(path), name = strlen(DOOR_NAME);
  if (*path != '/' || length >= sizeof part || length <= name || strcmp(path + length - name, DOOR_NAME) != 0) return false;
  for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
    bool is_last = !strchr(slash + 1, '/');
    snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
    if (lstat(part, &found) < 0 || !S_ISDIR(found.st_mode) || found.st_uid != 0) return false;
    if (found.st_mode & (S_IWGRP | S_IWOTH) && (is_last || !(found.st_mode & S_ISVTX))) return false;
  }
  return lstat(path, &found) < 0 || (S_ISSOCK(found.st_mode) && found.st_uid == 0);
}

/* So many of the command's words say what it needs first: the first, and what fits. */
static size_t words_told(char **command) {
  size_t count = 0;
  for (size_t bytes = 0; command[count]; count++) {
    bytes += strlen(command[count]) + 1;
    if (count > 0 && bytes > WORDS_MAX_BYTES) break;
  }
  return count;
}

static int send_task(int fd, const struct task *task) {
  char uid[16], position[16];
  size_t words = words_told(task->command);
  snprintf(uid, sizeof uid, "%u", task->uid);
  snprintf(position, sizeof position, "%u", task->position);
  const char *const head[] = {"enter", task->manager, task->job, task->environment, uid, position, task->is_known ? "1" : "0", task->hook, task->method, task->on_loss, task->directory, task->path, task->libraries};
  AUTO_FREE const char **strings = calloc(COUNT_OF(head) + words + 1, sizeof *strings);
  if (!strings) return -1;
  memcpy(strings, head, sizeof head);
  memcpy(strings + COUNT_OF(head), task->command, words * sizeof *strings);
  return message_send(fd, NULL, 0, strings);
}

static void end_when_told(void) {
  static const int ENDING[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
  sigset_t pending;
  if (sigpending(&pending) < 0) return;
  for (size_t i = 0; i < COUNT_OF(ENDING); i++)
    if (sigismember(&pending, ENDING[i])) _exit(128 + ENDING[i]);
}

static void await(int fd) {
  struct pollfd answer = {.fd = fd, .events = POLLIN};
  while (poll(&answer, 1, LOOK_INTERVAL_MS) == 0 || !answer.revents) end_when_told();
}

/* By the number that the daemon has seen: the process may be another one by now. */
static int open_mounts(const char *pid, const char *inode) {
  char path[64];
  struct stat found;
  snprintf(path, sizeof path, "/proc/%.12s/ns/mnt", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && fstat(fd, &found) == 0 && found.st_ino == strtoull(inode, NULL, 10)) return fd;
  if (fd >= 0) errno = ESTALE;
  close_fd(&fd);
  return -1;
}

/* entered PID INODE COUNT ALLOWED×COUNT NAME=VALUE… */
static const char *take_way(const struct message *answer, struct way *way) {
  size_t allowed = answer->count < 4 ? 0 : strtoul(answer->strings[3], NULL, 10);
  if (answer->count < 4 || allowed > answer->count - 4) return "the node's daemon cannot be understood";
  for (size_t i = 0; i < allowed; i++) way->allowances |= allowance_of(answer->strings[4 + i]);
  way->variables = answer->strings + 4 + allowed;
  way->pid = answer->strings[1];
  way->inode = answer->strings[2];
  return NULL;
}

const char *door_open(struct way *way) {
  way->mounts = open_mounts(way->pid, way->inode);
  return way->mounts < 0 ? failure("open the environment", "") : NULL;
}

/* False and errno: nobody has answered; `tries` begin anew when somebody was there for a while. */
static bool ask_once(const char *path, const struct task *task, struct message *answer, int *tries) {
  AUTO_CLOSE int fd = reach(path);
  if (fd < 0 || send_task(fd, task) < 0) return false;
  time_t began = time(NULL);
  await(fd);
  if (message_receive(fd, answer) == 0) return true;
  if (time(NULL) > began + 1) *tries = 0;
  /* It has hung up without a word. */
  if (errno == 0) errno = ECONNRESET;
  return false;
}

const char *door_ask(const char *path, const struct task *task, struct way *way, const char **hint) {
  static struct message answer;
  *hint = "Does the node's daemon run, and does its configuration name the resourceManager?";
  /* It may be started again meanwhile. */
  for (int tries = 0; !ask_once(path, task, &answer, &tries); tries++) {
    if (tries * LOOK_INTERVAL_MS >= AWAY_DEADLINE_MS) return failure("reach the node's daemon", path);
    end_when_told();
    usleep(LOOK_INTERVAL_MS * 1000);
  }
  *hint = answer.count == 4 && strcmp(answer.strings[0], "error") == 0 ? answer.strings[3] : "";
  if (strcmp(answer.strings[0], "entered") == 0) return take_way(&answer, way);
  if (answer.count < 3) return "the node's daemon cannot be understood";
  snprintf(text, sizeof text, "%s: %s", answer.strings[1], answer.strings[2]);
  return text;
}

void door_tell_end(const char *path, const char *manager, const char *job) {
  struct timeval deadline = {.tv_sec = END_DEADLINE_S};
  struct message answer;
  AUTO_CLOSE int fd = reach(path);
  if (fd < 0) return;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  if (message_say(fd, "ended", manager, job) == 0 && message_receive(fd, &answer) == 0) message_free(&answer);
}
