/*
 * The task's standard streams. The task gets pipes, which are the user's own, so that it can open them by name; the
 * launcher keeps of each stream what the daemon has not acknowledged, a window at most. What a daemon has not
 * acknowledged when it dies is sent again to the next one; a full window makes the task wait, as a slow reader does.
 */
#ifndef TEES_STREAMS_H
#define TEES_STREAMS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client.h"

#define STREAM_WINDOW_BYTES (64u * 1024)

struct stream {
  int fd;            /* the launcher's end of the pipe; -1 when it is closed */
  uint64_t position; /* of the first byte kept: so many were acknowledged, or for input written to the task */
  size_t size, sent; /* bytes kept; of those, queued for the present client */
  bool at_end;       /* input: no more will come */
  unsigned char bytes[STREAM_WINDOW_BYTES];
};

struct streams {
  struct stream input, output[2]; /* standard output and error */
};

#define STREAM_POLLS 3

/* The task's ends go to `stdio`. */
void streams_open(struct streams *streams, int stdio[3], uid_t uid, gid_t gid);
/* In the launcher's child, for whom the task's ends become 0, 1 and 2. */
void streams_leave(const struct streams *streams, const int stdio[3]);
void streams_poll(const struct streams *streams, struct pollfd ready[STREAM_POLLS]);
/* Moves what can be moved between pipes and windows; tells the client what the task has taken. */
void streams_move(struct streams *streams, const struct pollfd ready[STREAM_POLLS], struct client *client);
/* Nobody in the environment can write any more: takes what is left in the pipes, and closes those that are empty. */
void streams_drain(struct streams *streams);
/* Forgets all output that was not acknowledged. */
void streams_forget(struct streams *streams);
/* Queues output for the client, as long as its queue is short. */
void streams_send(struct streams *streams, struct client *client);
/* Another client: it is sent all that is kept. */
void streams_rewind(struct streams *streams);
/* True when all output was queued for the client, and no more will come. */
bool streams_sent(const struct streams *streams);
/* From the client. Each returns false when it is not as agreed. */
bool streams_input(struct streams *streams, const void *bytes, size_t size);
bool streams_acknowledge(struct streams *streams, const struct frame *frame);

#endif
