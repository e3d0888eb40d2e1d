/*
 * Which files an environment opens while it starts: what a later run of the same command should have at once. Opens of
 * contents that have arrived never meet the hook, so the kernel is asked (fanotify(7)).
 *
 * Written to `opens` in the job's directory as it happens, so that it outlives any daemon. A record, little-endian:
 * u32 milliseconds since the trace began, u16 length, the path inside the environment; each file about once, of the
 * node's own root too; src/node/opens-trace.ts reads it.
 */
#ifndef TEES_TRACE_H
#define TEES_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACE_NAME "opens"

/* The process that traces; all zero when there is none. */
struct tracer {
  pid_t pid;
  int64_t kill_at_ms;
};

/*
 * Returns when the trace has begun, or cannot (then there is no file): nothing depends on it. It ends by itself after `milliseconds`, and with
 * this process.
 * @param pid_one whose root is the environment's
 */
void tracer_start(struct tracer *tracer, pid_t pid_one, unsigned milliseconds);
/* The environment is gone: what the kernel has still kept is written, for a while at most. */
void tracer_finish(struct tracer *tracer);
void tracer_kill(struct tracer *tracer);
/* Look again when a child has ended, or TRACER_LOOK_MS later. */
bool tracer_is_gone(struct tracer *tracer);
#define TRACER_LOOK_MS 100

#endif
