/*
 * Messages to the daemon: u8 kind, u32 length (little-endian), then the fields, each ended by a NUL.
 *   'N' path, errno          left out of the environment, which goes on without
 *   'E' what, path, errno    failed: what was tried, on which path
 *   'R'                      the task's program runs
 */
#ifndef TEES_REPORT_H
#define TEES_REPORT_H

/* Where messages go from now on, in this process. */
void report_to(int fd);
void report_running(void);
/* Takes errno. */
void report_left_out(const char *path);
/* Reports errno, and ends the process with STATUS_FAILED. */
void fail(const char *what, const char *path) __attribute__((noreturn));

#endif
