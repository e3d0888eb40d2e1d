#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "retire.h"
#include "trace.h"

/* How soon the removal of the job's directory is noticed, while no daemon is there. */
#define ALONE_INTERVAL_MS 1000
/* What PID 1 has reported, for daemons to come. Of what was left out, the first suffice. */
#define REPORTS_MAX_BYTES (256u * 1024)

struct hello {
  uint32_t version; /* LAUNCHER_VERSION; what follows is that version's */
  uint32_t pid;
  uint32_t input_untaken;  /* of the received ones */
  uint64_t output[2];      /* position of the first byte that will be sent */
  uint64_t input_received;
  uint8_t input_closed;
} __attribute__((packed));

struct state {
  struct client reports; /* no connection: only its queue is used */
  bool committed;        /* the task was given leave to run */
  bool killed, gone, drained, exit_sent, exit_taken;
  int how;
  struct tracer tracer;
  uint64_t early_signals; /* for the task, which is not there yet: a bit each */
};

static void kill_all(struct launcher *launcher, struct state *state) {
  state->killed = true;
  tracer_kill(&state->tracer);
  if (!state->gone) kill(launcher->init, SIGKILL);
}

static int status_of(const struct state *state) {
  return WIFEXITED(state->how) ? WEXITSTATUS(state->how) : 128 + WTERMSIG(state->how);
}

/* A new daemon hears all that was reported, and what of the output no daemon has acknowledged. */
static void greet(struct launcher *launcher, struct state *state) {
  const struct streams *streams = &launcher->streams;
  struct hello hello = {
      .version = LAUNCHER_VERSION,
      .pid = (uint32_t)getpid(),
      .input_untaken = (uint32_t)streams->input.size,
      .output = {streams->output[0].position, streams->output[1].position},
      .input_received = streams->input.position + streams->input.size,
      .input_closed = streams->input.fd < 0,
  };
  client_send(&launcher->daemon, CLIENT_HELLO, &hello, sizeof hello, NULL, 0);
  struct frame frame;
  for (size_t at = 0; at < state->reports.out_size; at += FRAME_HEADER_BYTES + frame.size) {
    const unsigned char *header = state->reports.out + at;
    memcpy(&frame.size, header + 1, sizeof frame.size);
    client_send(&launcher->daemon, (char)header[0], header + FRAME_HEADER_BYTES, frame.size, NULL, 0);
  }
  streams_rewind(&launcher->streams);
  state->exit_sent = false;
}

static void accept_daemon(struct launcher *launcher, struct state *state) {
  int fd = accept4(launcher->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  client_attach(&launcher->daemon, fd);
  greet(launcher, state);
}

static void pass_signal(struct launcher *launcher, unsigned char number) {
  if (launcher->pid_one.fd >= 0) send(launcher->pid_one.fd, &number, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void take_signal_for_task(struct launcher *launcher, struct state *state, unsigned char number) {
  if (number == 0 || number > 64) return;
  if (state->committed) pass_signal(launcher, number);
  else state->early_signals |= (uint64_t)1 << (number - 1);
}

/* From here on the task may have run: nothing may start it a second time, nor end it for want of a daemon. */
static void give_leave(struct launcher *launcher, struct state *state) {
  if (launcher->daemon.fd < 0) return kill_all(launcher, state);
  int fd = open(LAUNCHED_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return kill_all(launcher, state);
  close(fd);
  state->committed = true;
  if (launcher->trace_ms > 0) tracer_start(&state->tracer, launcher->init, launcher->trace_ms);
  pass_signal(launcher, 0);
  for (unsigned char number = 1; number <= 64; number++)
    if (state->early_signals >> (number - 1) & 1) pass_signal(launcher, number);
}

static void hear_pid_one(struct launcher *launcher, struct state *state) {
  client_receive(&launcher->pid_one);
  for (struct frame frame; client_next(&launcher->pid_one, &frame);) {
    if (frame.kind == 'L') {
      give_leave(launcher, state);
      continue;
    }
    client_send(&launcher->daemon, frame.kind, frame.payload, frame.size, NULL, 0);
    if (frame.kind == 'N' && state->reports.out_size > REPORTS_MAX_BYTES) continue;
    /* Never sent: the queue is where they are kept. */
    client_send(&state->reports, frame.kind, frame.payload, frame.size, NULL, 0);
  }
}

/* False when it is not as agreed. */
static bool obey(struct launcher *launcher, struct state *state, const struct frame *frame) {
  switch (frame->kind) {
    case DAEMON_SIGNAL:
      if (frame->size == 1) take_signal_for_task(launcher, state, frame->payload[0]);
      return frame->size == 1;
    case DAEMON_KILL: kill_all(launcher, state); return true;
    case DAEMON_RETIRE:
      if (state->committed && !state->gone) retire_hook(launcher->init);
      return true;
    case DAEMON_INPUT: return streams_input(&launcher->streams, frame->payload, frame->size);
    case DAEMON_INPUT_END: launcher->streams.input.at_end = true; return true;
    case DAEMON_TAKEN: return streams_acknowledge(&launcher->streams, frame);
    case DAEMON_EXIT_TAKEN: state->exit_taken = state->exit_sent; return state->exit_sent;
    default: return false;
  }
}

static void hear_daemon(struct launcher *launcher, struct state *state) {
  client_receive(&launcher->daemon);
  for (struct frame frame; client_next(&launcher->daemon, &frame);)
    if (!obey(launcher, state, &frame)) client_drop(&launcher->daemon);
  if (launcher->daemon.fd < 0 && !state->committed) kill_all(launcher, state);
}

static void take_signal(struct launcher *launcher, struct state *state) {
  struct signalfd_siginfo info;
  while (read(launcher->signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGCHLD) kill_all(launcher, state);
    /* The environment is gone when its PID 1 can be reaped: the kernel ends everything else before. */
    else if (!state->gone && waitpid(launcher->init, &state->how, WNOHANG) == launcher->init) {
      state->gone = true;
      tracer_finish(&state->tracer);
    }
  }
}

/* What was there to be read when the last process had ended is passed on, window by window. */
static void finish_output(struct launcher *launcher, struct state *state) {
  if (!state->gone || !tracer_is_gone(&state->tracer)) return;
  /* What PID 1 has said last. */
  while (launcher->pid_one.fd >= 0) hear_pid_one(launcher, state);
  /* When PID 1 was killed, so that nobody may be there to take what was written, the rest is dropped. */
  if (WIFEXITED(state->how) && !state->killed) streams_drain(&launcher->streams);
  else if (!state->drained) streams_forget(&launcher->streams);
  state->drained = true;
  streams_send(&launcher->streams, &launcher->daemon);
  if (launcher->daemon.fd < 0 || state->exit_sent || !streams_sent(&launcher->streams)) return;
  unsigned char status = (unsigned char)status_of(state);
  client_send(&launcher->daemon, CLIENT_EXIT, &status, 1, NULL, 0);
  state->exit_sent = true;
}

static bool is_over(const struct launcher *launcher, struct state *state) {
  if (!state->gone || !tracer_is_gone(&state->tracer)) return false;
  if (state->exit_taken) return true;
  /* Nobody will ask how it ended: it was told to, or there was no task yet. */
  bool wanted = state->committed && !state->killed;
  bool told = launcher->daemon.fd < 0 || (state->exit_sent && launcher->daemon.out_size == 0);
  return !wanted && told;
}

static bool directory_is_gone(void) {
  struct stat found;
  return stat(".", &found) < 0 || found.st_nlink == 0;
}

int launcher_run(struct launcher *launcher) {
  struct state state = {.reports = {.fd = INT32_MAX}};
  greet(launcher, &state);
  for (;;) {
    streams_send(&launcher->streams, &launcher->daemon);
    client_flush(&launcher->daemon);
    if (is_over(launcher, &state)) return status_of(&state);
    struct pollfd ready[4 + STREAM_POLLS];
    bool alone = launcher->daemon.fd < 0;
    short writable = launcher->daemon.out_size > 0 ? POLLOUT : 0;
    ready[0] = (struct pollfd){.fd = launcher->signals, .events = POLLIN};
    ready[1] = (struct pollfd){.fd = launcher->daemon.fd, .events = POLLIN | writable};
    ready[2] = (struct pollfd){.fd = launcher->pid_one.fd, .events = POLLIN};
    ready[3] = (struct pollfd){.fd = launcher->listener, .events = POLLIN};
    streams_poll(&launcher->streams, ready + 4);
    int timeout = state.gone && !tracer_is_gone(&state.tracer) ? TRACER_LOOK_MS : alone ? ALONE_INTERVAL_MS : -1;
    int count = poll(ready, 4 + STREAM_POLLS, timeout);
    if (count < 0 && errno != EINTR) abort();
    if (count <= 0) memset(ready, 0, sizeof ready);
    if (alone && directory_is_gone()) kill_all(launcher, &state);
    if (ready[2].revents) hear_pid_one(launcher, &state);
    if (ready[1].revents & ~POLLOUT) hear_daemon(launcher, &state);
    if (ready[3].revents) accept_daemon(launcher, &state);
    streams_move(&launcher->streams, ready + 4, &launcher->daemon);
    if (ready[0].revents) take_signal(launcher, &state);
    finish_output(launcher, &state);
  }
}
