/*
 * Messages of PID 1 to the launcher, and of the launcher itself before there is a PID 1. They are frames (client.h)
 * whose fields are each ended by a NUL:
 *   'N' path, errno          left out of the environment, which goes on without
 *   'E' what, path, errno    failed: what was tried, on which path
 *   'L'                      all is in place for the task; the launcher's leave is asked for
 *   'R'                      the task's program runs
 */
#ifndef TEES_REPORT_H
#define TEES_REPORT_H

/* Where messages go from now on, in this process. */
void report_to(int fd);
void report_ready(void);
void report_running(void);
/* Takes errno. */
void report_left_out(const char *path);
/* Reports errno, and ends the process with STATUS_FAILED. */
void fail(const char *what, const char *path) __attribute__((noreturn));

#endif
