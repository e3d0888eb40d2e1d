/*
 * tees-launch JOB: enters the execution environment of one job on one node and runs its task there.
 *
 *   daemon ┄┄ launcher ── PID 1 of the environment ── the task
 *
 * The daemon that starts it passes a plan (see plan.h, written by src/environment/plan.ts) on descriptor 3, a stream
 * socket, and goes on to speak frames there (client.h); a later daemon connects to JOB/launch.sock and speaks the
 * same. One daemon at a time: the newest. Nothing of a running task depends on there being one: without one its
 * output waits, and its exit status does.
 *
 * Until the task runs, the end of the connection ends the environment. From then on JOB/launched exists, and a second
 * launch in this directory is refused. The launcher ends when its daemon has taken the exit status; when it is told to
 * kill (by a frame, or SIGTERM); and when JOB is no more. The environment never outlives the launcher. All programs
 * here have one thread.
 */
#ifndef TEES_LAUNCH_H
#define TEES_LAUNCH_H

#define CONTROL_FD 3
#define SOCKET_NAME "launch.sock"
#define LAUNCHED_NAME "launched"
/* The launcher's and PID 1's own failures; the message tells what it was. */
#define STATUS_FAILED 125
#define STATUS_KILLED 137

/* A daemon may find a launcher that an earlier version of TEES has started: counted up with any change below. */
#define LAUNCHER_VERSION 2

/*
 * Frames beside those of report.h; src/environment/launcher-messages.ts has the same. Numbers are little-endian.
 * From the launcher:
 */
#define CLIENT_HELLO 'H'        /* first of all: struct hello */
#define CLIENT_OUTPUT 'O'       /* u8 stream (1, 2), bytes */
#define CLIENT_INPUT_TAKEN 'A'  /* u32: the task has been given so many bytes of its input */
#define CLIENT_INPUT_CLOSED 'B' /* the task takes no more */
#define CLIENT_EXIT 'X'         /* u8 status, behind all output */
/* From the daemon: */
#define DAEMON_SIGNAL 'S'    /* u8 number, for the task's process group */
#define DAEMON_KILL 'K'      /* ends PID 1 of the environment and so everything in it */
#define DAEMON_INPUT 'I'     /* bytes: no more than STREAM_WINDOW_BYTES that were not taken yet */
#define DAEMON_INPUT_END 'i'
#define DAEMON_RETIRE 'R'    /* everything has arrived: the hook is needed no more (retire.h) */
#define DAEMON_TAKEN 'a'     /* u8 stream, u32: so many bytes of output are safe */
#define DAEMON_EXIT_TAKEN 'T'

void close_fd(const int *fd);
void free_pointer(void *pointer);
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))
#define AUTO_FREE __attribute__((cleanup(free_pointer)))

#endif
