#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "report.h"

#define SEND_BYTES (32u * 1024)
#define QUEUE_HIGH_BYTES (64u * 1024)

void streams_open(struct streams *streams, int stdio[3], uid_t uid, gid_t gid) {
  for (int i = 0; i < 3; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) fail("create the standard streams", "");
    if (fchown(ends[0], uid, gid) < 0) fail("give the standard streams to the user", "");
    int task = i == 0 ? 0 : 1;
    stdio[i] = ends[task];
    struct stream *stream = i == 0 ? &streams->input : &streams->output[i - 1];
    stream->fd = ends[!task];
    /* The task's own end stays blocking. */
    if (fcntl(stream->fd, F_SETFL, O_NONBLOCK) < 0) fail("prepare the standard streams", "");
  }
}

void streams_leave(const struct streams *streams, const int stdio[3]) {
  close(streams->input.fd);
  close(streams->output[0].fd);
  close(streams->output[1].fd);
  for (int i = 0; i < 3; i++) {
    if (dup2(stdio[i], i) < 0) fail("connect the standard streams", "");
    close(stdio[i]);
  }
}

static void finish(struct stream *stream) {
  if (stream->fd >= 0) close(stream->fd);
  stream->fd = -1;
}

static void drop_front(struct stream *stream, size_t size) {
  memmove(stream->bytes, stream->bytes + size, stream->size -= size);
  stream->position += size;
}

/* A descriptor of -1 is passed over by poll. Errors and hang-ups are reported unasked. */
void streams_poll(const struct streams *streams, struct pollfd ready[STREAM_POLLS]) {
  ready[0] = (struct pollfd){.fd = streams->input.fd, .events = streams->input.size > 0 ? POLLOUT : 0};
  for (int i = 0; i < 2; i++) {
    const struct stream *stream = &streams->output[i];
    bool full = stream->size == STREAM_WINDOW_BYTES;
    ready[i + 1] = (struct pollfd){.fd = full ? -1 : stream->fd, .events = POLLIN};
  }
}

static void write_input(struct stream *input, struct client *client) {
  uint32_t taken = 0;
  while (input->size > 0) {
    ssize_t put = write(input->fd, input->bytes, input->size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) break;
    drop_front(input, (size_t)put);
    taken += (uint32_t)put;
  }
  if (taken > 0) client_send(client, CLIENT_INPUT_TAKEN, &taken, sizeof taken, NULL, 0);
}

static void move_input(struct stream *input, short events, struct client *client) {
  if (events & POLLERR) {
    /* The task takes no more. */
    finish(input);
    input->size = 0;
    client_send(client, CLIENT_INPUT_CLOSED, NULL, 0, NULL, 0);
  } else if (events & POLLOUT) {
    write_input(input, client);
  }
  if (input->at_end && input->size == 0) finish(input);
}

/* False when there is nothing to be had at present. */
static bool read_output(struct stream *output) {
  if (output->fd < 0 || output->size == STREAM_WINDOW_BYTES) return false;
  ssize_t got = read(output->fd, output->bytes + output->size, STREAM_WINDOW_BYTES - output->size);
  if (got > 0) output->size += (size_t)got;
  else if (got == 0 || (errno != EAGAIN && errno != EINTR)) finish(output);
  return got > 0;
}

void streams_move(struct streams *streams, const struct pollfd ready[STREAM_POLLS], struct client *client) {
  move_input(&streams->input, ready[0].revents, client);
  for (int i = 0; i < 2; i++)
    if (ready[i + 1].revents) read_output(&streams->output[i]);
}

void streams_drain(struct streams *streams) {
  finish(&streams->input);
  for (int i = 0; i < 2; i++) {
    struct stream *output = &streams->output[i];
    while (read_output(output)) continue;
    if (output->size < STREAM_WINDOW_BYTES) finish(output);
  }
}

void streams_forget(struct streams *streams) {
  for (int i = 0; i < 2; i++) {
    struct stream *output = &streams->output[i];
    finish(output);
    /* What the client has got it may still acknowledge. */
    output->size = output->sent;
  }
}

void streams_send(struct streams *streams, struct client *client) {
  for (unsigned char i = 0; i < 2; i++) {
    struct stream *output = &streams->output[i];
    while (client->fd >= 0 && client->out_size < QUEUE_HIGH_BYTES && output->sent < output->size) {
      size_t size = output->size - output->sent;
      if (size > SEND_BYTES) size = SEND_BYTES;
      unsigned char number = i + 1;
      client_send(client, CLIENT_OUTPUT, &number, 1, output->bytes + output->sent, size);
      output->sent += size;
    }
  }
}

void streams_rewind(struct streams *streams) { streams->output[0].sent = streams->output[1].sent = 0; }

bool streams_sent(const struct streams *streams) {
  for (int i = 0; i < 2; i++)
    if (streams->output[i].fd >= 0 || streams->output[i].sent < streams->output[i].size) return false;
  return true;
}

bool streams_input(struct streams *streams, const void *bytes, size_t size) {
  struct stream *input = &streams->input;
  if (input->fd < 0) return true; /* nobody reads it; the client has been told, or will be */
  if (input->at_end || size > STREAM_WINDOW_BYTES - input->size) return false;
  memcpy(input->bytes + input->size, bytes, size);
  input->size += size;
  return true;
}

bool streams_acknowledge(struct streams *streams, const struct frame *frame) {
  uint32_t size;
  if (frame->size != 1 + sizeof size) return false;
  memcpy(&size, frame->payload + 1, sizeof size);
  if (frame->payload[0] != 1 && frame->payload[0] != 2) return false;
  struct stream *output = &streams->output[frame->payload[0] - 1];
  if (size > output->sent) return false;
  output->sent -= size;
  drop_front(output, size);
  return true;
}
