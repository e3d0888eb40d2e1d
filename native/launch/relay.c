#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report.h"

#define SPLICE_BYTES (64 * 1024)

void relays_open(struct relay relays[3], int stdio[3], uid_t uid, gid_t gid) {
  for (int i = 0; i < 3; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) fail("create the standard streams", "");
    if (fchown(ends[0], uid, gid) < 0) fail("give the standard streams to the user", "");
    int task = i == 0 ? 0 : 1;
    stdio[i] = ends[task];
    relays[i] = i == 0 ? (struct relay){.from = 0, .to = ends[1]} : (struct relay){.from = ends[0], .to = i};
    /* The task's own end stays blocking. */
    if (fcntl(ends[!task], F_SETFL, O_NONBLOCK) < 0 || fcntl(i, F_SETFL, O_NONBLOCK) < 0)
      fail("prepare the standard streams", "");
  }
}

void relays_leave(const struct relay relays[3], const int stdio[3]) {
  close(relays[0].to);
  close(relays[1].from);
  close(relays[2].from);
  for (int i = 0; i < 3; i++) {
    if (dup2(stdio[i], i) < 0) fail("connect the standard streams", "");
    close(stdio[i]);
  }
}

/* The other side of a stream that is closed here learns of it: end of file, or EPIPE. */
static void finish(struct relay *relay) {
  if (relay->from >= 0) close(relay->from);
  if (relay->to >= 0) close(relay->to);
  relay->from = relay->to = -1;
}

/* A descriptor of -1 is passed over by poll. Errors and hang-ups are reported unasked. */
void relays_poll(const struct relay relays[3], struct pollfd ready[6]) {
  for (int i = 0; i < 3; i++) {
    const struct relay *relay = &relays[i];
    ready[2 * i] = (struct pollfd){.fd = relay->waits_for_room ? -1 : relay->from, .events = POLLIN};
    ready[2 * i + 1] = (struct pollfd){.fd = relay->to, .events = relay->waits_for_room ? POLLOUT : 0};
  }
}

void relays_move(struct relay relays[3], const struct pollfd ready[6]) {
  for (int i = 0; i < 3; i++) {
    struct relay *relay = &relays[i];
    short in = ready[2 * i].revents, out = ready[2 * i + 1].revents;
    if (relay->from < 0 || !(in || out)) continue;
    if (out & (POLLERR | POLLHUP)) {
      finish(relay);
      continue;
    }
    ssize_t moved =
        splice(relay->from, NULL, relay->to, NULL, SPLICE_BYTES, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (moved < 0 && errno == EAGAIN) relay->waits_for_room = !relay->waits_for_room;
    else if (moved > 0 || (moved < 0 && errno == EINTR)) relay->waits_for_room = false;
    else finish(relay);
  }
}

bool relays_drained(const struct relay relays[3]) {
  for (int i = 1; i < 3; i++) {
    int left = 0;
    if (relays[i].from >= 0 && ioctl(relays[i].from, FIONREAD, &left) == 0 && left > 0) return false;
  }
  return true;
}
