/*
 * Whether a blocked thread has to die. FUSE_INTERRUPT comes for any signal, SIGCHLD too, and does not say which;
 * /proc/TID/status does (proc_pid_status(5)).
 */
#ifndef TEES_SERVE_FATAL_H
#define TEES_SERVE_FATAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pure: `status` is the file's text, `length` bytes. */
bool fatal_in_status(const char *status, size_t length);
/* True also when there is no such thread to be seen: nobody then waits for an answer who could be disturbed. */
bool fatal_pending(int proc, uint32_t pid);

#endif
