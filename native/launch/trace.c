#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch.h"
#include "syscalls.h"

/* Linux 5.19; this C library's header may be older. */
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x00000200
#endif
/* As long as a path that readlink(2) gives whole. */
#define PATH_BYTES 4096
#define EVENTS_BYTES 8192
#define TRACE_MAX_BYTES (2u << 20)
/* The tracer may be in an open that nobody serves any more. */
#define FINISH_MS 1000

struct record {
  uint32_t at_ms;
  uint16_t length;
} __attribute__((packed));

struct trace {
  int group, output;
  uint64_t began_ms;
  size_t written;
  bool full;
};

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void write_record(struct trace *trace, uint64_t at_ms, const char *path, size_t length) {
  unsigned char bytes[sizeof(struct record) + PATH_BYTES];
  struct record head = {.at_ms = (uint32_t)at_ms, .length = (uint16_t)length};
  size_t size = sizeof head + length;
  trace->full = trace->written + size > TRACE_MAX_BYTES;
  if (trace->full) return;
  memcpy(bytes, &head, sizeof head);
  memcpy(bytes + sizeof head, path, length);
  trace->written += size;
  /* A record that is cut off is the last. */
  trace->full = write(trace->output, bytes, size) != (ssize_t)size;
}

/*
 * The descriptor is the kernel's own open of the file, by the mount through which the environment has opened it. Once
 * told, the file is told no more, as long as the kernel remembers it.
 */
static void take_event(struct trace *trace, int fd) {
  char name[32], path[PATH_BYTES];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, sizeof path);
  /* Evictable: nothing of the environment is kept in memory for this. Without it a file may be told several times. */
  unsigned ignore = FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE;
  fanotify_mark(trace->group, ignore, FAN_OPEN, fd, NULL);
  close(fd);
  if (length > 0 && length < (ssize_t)sizeof path)
    write_record(trace, now_ms() - trace->began_ms, path, (size_t)length);
}

/* False when there is nothing more. An event whose file cannot be opened (a socket, or gone) is lost, and no other. */
static bool take_events(struct trace *trace) {
  _Alignas(struct fanotify_event_metadata) char bytes[EVENTS_BYTES];
  ssize_t got = read(trace->group, bytes, sizeof bytes);
  if (got <= 0) return got < 0 && errno != EAGAIN;
  struct fanotify_event_metadata *event = (struct fanotify_event_metadata *)bytes;
  for (ssize_t left = got; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left))
    if (event->fd >= 0) take_event(trace, event->fd);
  return true;
}

static void run(struct trace *trace, int signals, uint64_t until_ms) {
  bool stop = false;
  for (uint64_t now; !stop && !trace->full && (now = now_ms()) < until_ms;) {
    struct pollfd ready[] = {{.fd = trace->group, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    if (poll(ready, 2, (int)(until_ms - now)) < 0 && errno != EINTR) return;
    if (ready[0].revents) take_events(trace);
    stop = ready[1].revents != 0;
  }
  while (!trace->full && take_events(trace)) continue;
}

/* No mount of the environment is held, only its file system's mark, which goes with it. */
static int mark(pid_t pid_one) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/root", (int)pid_one);
  /* Bounded: what does not fit is lost. O_NONBLOCK is for fifos. */
  int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK,
                            O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NOATIME | O_NONBLOCK);
  if (group < 0) return -1;
  if (fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, path) == 0) return group;
  close(group);
  return -1;
}

static void trace_run(struct trace *trace, unsigned milliseconds, pid_t parent) __attribute__((noreturn));
static void trace_run(struct trace *trace, unsigned milliseconds, pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(STATUS_FAILED);
  /* Nothing else of the launcher's: the ends of its streams and connections show by their last descriptor. */
  if (dup2(trace->group, 0) < 0 || dup2(trace->output, 1) < 0) _exit(STATUS_FAILED);
  trace->group = 0;
  trace->output = 1;
  sys_close_range(2, ~0u, 0);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  run(trace, signalfd(-1, &stop, SFD_CLOEXEC), trace->began_ms + milliseconds);
  _exit(0);
}

void tracer_start(struct tracer *tracer, pid_t pid_one, unsigned milliseconds) {
  AUTO_CLOSE int group = mark(pid_one);
  if (group < 0) return;
  AUTO_CLOSE int output = open(TRACE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (output < 0) return;
  struct trace trace = {.group = group, .output = output, .began_ms = now_ms()};
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) trace_run(&trace, milliseconds, parent);
  tracer->pid = pid > 0 ? pid : 0;
}

void tracer_finish(struct tracer *tracer) {
  if (tracer->pid > 0) kill(tracer->pid, SIGTERM);
  tracer->kill_at_ms = (int64_t)now_ms() + FINISH_MS;
}

void tracer_kill(struct tracer *tracer) {
  if (tracer->pid > 0) kill(tracer->pid, SIGKILL);
}

bool tracer_is_gone(struct tracer *tracer) {
  if (tracer->pid > 0 && waitpid(tracer->pid, NULL, WNOHANG) == tracer->pid) tracer->pid = 0;
  if (tracer->kill_at_ms > 0 && (int64_t)now_ms() > tracer->kill_at_ms) tracer_kill(tracer);
  return tracer->pid == 0;
}
