/*
 * The beginning, started by the daemon in JOB, with what is to be served on its standard input, little-endian:
 *
 *   u32 SETUP_MAGIC, u32 flags (SETUP_), u32 count, then count times u64 size
 *
 * It mounts, listens and leaves the pair behind. On standard output comes one line: `ready passthrough=B resend=B`, or
 * `failed ERRNO WHAT`, and then nothing is left.
 *
 * `tees-serve again`, started in JOB when both of the pair were killed, with what the daemon holds of their descriptors
 * (serve.h) in its place: it listens anew and leaves another pair behind. It says the same, and takes nothing down when
 * it fails.
 */
#ifndef TEES_SERVE_SETUP_H
#define TEES_SERVE_SETUP_H

#include <stdint.h>

#define SETUP_MAGIC 0x31565354u /* "TSV1" */
/* Serve as on a kernel that has none. */
#define SETUP_NO_PASSTHROUGH 1u
/* Keep standard error: for builds that check themselves. */
#define SETUP_KEEP_ERRORS 2u
#define SETUP_FLAGS (SETUP_NO_PASSTHROUGH | SETUP_KEEP_ERRORS)
#define SETUP_COUNT_MAX 50000000u

/* Both return the exit status. */
int setup_run(void);
int setup_again(void);

#endif
