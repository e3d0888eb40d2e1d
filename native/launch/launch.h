/*
 * tees-launch: enters the execution environment of one job on one node and runs its task there.
 *
 *   daemon ── launcher ── PID 1 of the environment ── the task
 *
 * The daemon passes a plan (see plan.h, written by src/environment/plan.ts) on descriptor 3, a stream socket, and
 * keeps it open: from then on each byte it sends is the number of a signal for the task's process group, and what
 * comes back are messages (see report.h). Closing it ends the environment; so does the death of the daemon or of
 * the launcher. All programs here have one thread.
 *
 * The launcher ends with the task's exit status, or 128 + signal. SIGTERM to the launcher kills the environment.
 */
#ifndef TEES_LAUNCH_H
#define TEES_LAUNCH_H

#define CONTROL_FD 3
/* The launcher's and PID 1's own failures; the message tells what it was. */
#define STATUS_FAILED 125
#define STATUS_KILLED 137

void close_fd(const int *fd);
void free_pointer(void *pointer);
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))
#define AUTO_FREE __attribute__((cleanup(free_pointer)))

#endif
