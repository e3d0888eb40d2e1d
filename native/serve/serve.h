/*
 * tees-serve: the serving process of one job on one node. It mounts JOB/served and serves there, read-only,
 * `/.tees/ID`: content ID, whose file is JOB/contents/.tees/ID as soon as it has arrived, whole and verified. An open
 * before that waits, without a thread; nothing else ever does.
 *
 *   the daemon ── socket ── server ── lifeline ── keeper
 *                              └─── /dev/fuse ──────┘
 *
 * The daemon holds FD_FUSE, FD_STATE, FD_PROC and FD_PROGRAM, too: when both were killed, it starts another pair with
 * them, for which the mount and all who wait are still there.
 *
 * `tees-serve` itself (setup.c) mounts, listens on JOB/serve.sock, leaves a pair of processes behind and ends. Both of
 * the pair hold the same descriptors and the same memory (state.h); whichever is killed, the other starts a new one
 * (pair.c), so that the mount outlives each of them, and the daemon. The server has the threads: some that answer the
 * kernel (worker.c) and one that talks to daemons (control.c, protocol.h). The keeper waits.
 *
 * Both stand in JOB as their working directory, so that no path is ever looked up from the root, block every signal,
 * and keep of root's capabilities CAP_SYS_ADMIN alone: it takes that to hand files to the kernel and to unmount.
 */
#ifndef TEES_SERVE_H
#define TEES_SERVE_H

#define MOUNT_POINT "served"
#define SOCKET_NAME "serve.sock"
#define CONTENTS_DIRECTORY "contents/.tees"

/* The descriptors of the pair: fixed, so that one can start the other by execveat(2). All are close-on-exec. */
enum {
  FD_FUSE = 3,  /* /dev/fuse, the connection of JOB/served */
  FD_STATE,     /* memfd: state.h */
  FD_LISTEN,    /* JOB/serve.sock */
  FD_CONTENTS,  /* JOB/contents/.tees, a directory */
  FD_PROC,      /* a proc(5) of the pid namespace that the mount translates to, whatever is on /proc */
  FD_PROGRAM,   /* this program, O_PATH */
  FD_LIFELINE,  /* one end of a socket pair; its end of file is the other's death */
  FD_PASSED_MAX /* one more than the last */
};

void close_fd(const int *fd);
void free_pointer(void *pointer);
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))
#define AUTO_FREE __attribute__((cleanup(free_pointer)))

#endif
