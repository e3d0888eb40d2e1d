#include "wait.h"

#include <linux/poll.h>
#include <linux/un.h>
#include <stdatomic.h>

#include "kernel.h"

#define SOCK_STREAM_CLOEXEC (1 | O_CLOEXEC)
#define MSG_NOSIGNAL 0x4000
/* A reply that says the content is here, while the call says it is not, more often than this is a fault. */
#define VAIN_ATTEMPTS_MAX 16
/* While the daemon cannot be asked (it is started again, or there is no descriptor left to ask with). */
#define NAP_NS 10000000L
#define NAP_LONG_NS 100000000L
#define NAPS_SHORT 50
/* How soon after a signal the call itself is made again: it may be a cancellation point. */
#define SIGNAL_GRACE_MS 50

/*
 * The descriptors that waits have open: what fork copies into a child that has not these threads. A child of vfork
 * shares this memory but not the descriptors, hence the process's number: (pid << 32) + fd + 1; 0 is free.
 */
#define SLOTS 256
static _Atomic uint64_t slots[SLOTS];
static _Atomic int owner;

static uint64_t slot_of(int pid, int fd) { return (uint64_t)(uint32_t)pid << 32 | (uint32_t)(fd + 1); }

static void remember(int fd) {
  int pid = kernel_getpid();
  int expected_owner = 0;
  atomic_compare_exchange_strong(&owner, &expected_owner, pid);
  for (int i = 0; i < SLOTS; i++) {
    uint64_t expected = 0;
    if (atomic_compare_exchange_strong(&slots[i], &expected, slot_of(pid, fd))) return;
  }
}

static void close_remembered(int fd) {
  uint64_t mine = slot_of(kernel_getpid(), fd);
  for (int i = 0; i < SLOTS; i++) {
    uint64_t expected = mine;
    if (atomic_compare_exchange_strong(&slots[i], &expected, 0)) break;
  }
  kernel_close(fd);
}

void forget_waits(void) {
  int parent = atomic_load(&owner);
  for (int i = 0; i < SLOTS; i++) {
    uint64_t value = atomic_exchange(&slots[i], 0);
    if (parent != 0 && value >> 32 == (uint32_t)parent) kernel_close((int)(uint32_t)value - 1);
  }
  atomic_store(&owner, 0);
}

static enum verdict nap(struct attempts *attempts) {
  struct __kernel_timespec time = {.tv_nsec = attempts->naps++ < NAPS_SHORT ? NAP_NS : NAP_LONG_NS};
  kernel_call(__NR_nanosleep, (long)&time, 0, 0, 0, 0, 0);
  return CALL_AGAIN;
}

static int connect_daemon(void) {
  struct sockaddr_un address = {.sun_family = 1 /* AF_UNIX */, .sun_path = TEES_SOCKET};
  int fd = (int)kernel_call(__NR_socket, 1, SOCK_STREAM_CLOEXEC, 0, 0, 0, 0);
  if (fd < 0) return fd;
  remember(fd);
  long result;
  do result = kernel_call(__NR_connect, fd, (long)&address, sizeof address, 0, 0, 0);
  while (result == -EINTR);
  if (result == 0) return fd;
  close_remembered(fd);
  return (int)result;
}

/* 1: something is there; 0: a signal has come and its grace is over; negative: lost. */
static int await_reply(int fd) {
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  struct __kernel_timespec grace = {.tv_nsec = SIGNAL_GRACE_MS * 1000000L};
  bool signalled = false;
  for (;;) {
    /* ppoll(2) writes the time left back. */
    long result = kernel_call(__NR_ppoll, (long)&ready, 1, signalled ? (long)&grace : 0, 0, 0, 0);
    if (result > 0) return ready.revents & POLLNVAL ? -EBADF : 1;
    if (result == 0) return 0;
    if (result != -EINTR) return (int)result;
    signalled = true;
  }
}

/* The answer; -EAGAIN when it shall be asked again after another call; other negative ones: the daemon is lost. */
static int ask(const struct tees_request *request) {
  int fd = connect_daemon();
  if (fd < 0) return fd;
  uint8_t bytes[TEES_REQUEST_BYTES], reply[TEES_REPLY_BYTES + 1];
  tees_encode_request(request, bytes);
  long result = kernel_call(__NR_sendto, fd, (long)bytes, sizeof bytes, MSG_NOSIGNAL, 0, 0);
  size_t have = 0;
  /* A stream of eight bytes: it comes in one piece, or, for all that is promised, in several. */
  while (result > 0 && have < TEES_REPLY_BYTES) {
    result = await_reply(fd);
    if (result == 0) result = -EAGAIN;
    if (result < 0) break;
    result = kernel_call(__NR_recvfrom, fd, (long)(reply + have), (long)(sizeof reply - have), 0, 0, 0);
    if (result > 0) have += (size_t)result;
    if (result == -EINTR) result = 1;
  }
  close_remembered(fd);
  if (have < TEES_REPLY_BYTES) return result < 0 ? (int)result : -EPIPE;
  int answer = tees_decode_reply(reply, have);
  return answer < 0 ? -EPROTO : answer;
}

enum verdict await_descriptor(struct attempts *attempts, int fd) {
  int answer = ask(&(struct tees_request){.kind = TEES_WAIT_FILE, .descriptor = fd});
  switch (answer) {
    case TEES_ARRIVED: return CALL_AGAIN;
    case TEES_HERE:
      /* It has arrived between the call and the question; more than once that cannot be. */
      if (attempts->without_waiting++ < VAIN_ATTEMPTS_MAX) return CALL_AGAIN;
      return FAIL;
    case TEES_FAILED: return FAIL;
    case TEES_UNKNOWN:
    case TEES_REFUSED: return GIVE_UP;
    case -EAGAIN: return CALL_AGAIN;
    default: return nap(attempts);
  }
}

/* What else than a regular file says ELOOP means it. */
static bool may_be_missing(int directory, const char *path, int flags) {
  struct statx found;
  flags |= AT_NO_AUTOMOUNT;
  if (kernel_statx(directory, path, flags, STATX_TYPE, &found) < 0) return false;
  return (found.stx_mode & 0170000) == 0100000;
}

enum verdict await_path(struct attempts *attempts, int directory, const char *path, int flags) {
  if (!path || !*path) {
    if (!may_be_missing(directory, "", AT_EMPTY_PATH)) return GIVE_UP;
    return await_descriptor(attempts, directory);
  }
  if (!may_be_missing(directory, path, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0)) return GIVE_UP;
  int fd = kernel_openat(directory, path, O_PATH | O_CLOEXEC | (flags & (O_NOFOLLOW | O_DIRECTORY)));
  /* No descriptor is left, or the name has just gone: the call itself will say. */
  if (fd < 0) return fd == -ELOOP ? GIVE_UP : nap(attempts);
  remember(fd);
  enum verdict verdict = await_descriptor(attempts, fd);
  close_remembered(fd);
  return verdict;
}

bool all_is_here(void) { return kernel_access(AT_FDCWD, TEES_COMPLETE, 0) == 0; }

bool await_all(int fd, enum tees_reason reason) {
  struct attempts attempts = {0};
  while (!all_is_here()) {
    int answer = ask(&(struct tees_request){.kind = TEES_WAIT_ALL, .reason = (uint8_t)reason, .descriptor = fd});
    switch (answer) {
      case TEES_HERE:
      case TEES_ARRIVED: return true;
      case TEES_FAILED: return false;
      /* Whoever may not ask gets no more than an error. */
      case TEES_UNKNOWN:
      case TEES_REFUSED: return true;
      case -EAGAIN: break;
      /* Outside of an environment, or behind a chroot, there is nobody to ask. */
      case -ENOENT:
      case -ENOTDIR: return true;
      default: nap(&attempts);
    }
  }
  return true;
}

int open_awaited(int directory, const char *path, int flags) {
  struct attempts attempts = {0};
  for (;;) {
    int fd = kernel_openat(directory, path, flags | O_CLOEXEC);
    if (fd == -EINTR) continue;
    if (fd != -ELOOP) return fd;
    enum verdict verdict = await_path(&attempts, directory, path, flags);
    if (verdict != CALL_AGAIN) return verdict == FAIL ? -EIO : -ELOOP;
  }
}
