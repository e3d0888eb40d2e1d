/*
 * The socket JOB/serve.sock, a stream of records of 16 bytes each way, little-endian:
 *
 *   u32 kind, u32 content, u64 value
 *
 * Fields that a kind does not name are 0. Only root is served (SO_PEERCRED); who sends a record that is none of these,
 * or names a content that there is not, is hung up on. Several daemons may be connected at once: each hears everything.
 *
 * On connection the server sends HELLO, PROCESS, a BLOCKED for each content that is waited for, and DONE with value 0;
 * from then on what changes. A server that takes over from one that was killed begins anew: connections end, and the
 * socket takes new ones at once. src/serving/fuse-protocol.ts holds the same numbers; a test compares the bytes.
 */
#ifndef TEES_SERVE_PROTOCOL_H
#define TEES_SERVE_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#define PROTOCOL_VERSION 1
#define RECORD_BYTES 16

enum record_kind {
  /* server to daemon */
  RECORD_HELLO = 1,     /* content: PROTOCOL_VERSION; value: number of contents, and HELLO_ flags */
  RECORD_BLOCKED = 2,   /* content: it has not arrived, and somebody waits for it */
  RECORD_UNBLOCKED = 3, /* content: nobody waits for it any more, for whatever reason */
  RECORD_COUNTER = 4,   /* content: which one (enum counter of state.h); value */
  RECORD_DONE = 5,      /* value: of the question that has been answered in full */
  RECORD_PROCESS = 6,   /* value: the server's process, whose descriptors the daemon may take (pidfd_getfd(2)) */
  /* daemon to server */
  RECORD_ARRIVED = 16, /* content: its file has been renamed in; whoever waits goes on */
  RECORD_FAIL = 17,    /* opens of what has not arrived fail with EIO: those that wait, and later ones */
  RECORD_RESUME = 18,  /* later ones wait again */
  RECORD_STOP = 19,    /* FAIL; then unmount, remove the socket, end. Its answer is the end of the stream */
  RECORD_COUNT = 20,   /* value: to be repeated by DONE after the COUNTER records */
};

#define HELLO_PASSTHROUGH (1ull << 32)
#define HELLO_RESEND (1ull << 33)
#define HELLO_FAILING (1ull << 34)

struct record {
  uint32_t kind, content;
  uint64_t value;
};

void record_encode(const struct record *record, unsigned char bytes[RECORD_BYTES]);
void record_decode(const unsigned char bytes[RECORD_BYTES], struct record *record);
/* Whether a daemon may send it, given so many contents. */
bool record_acceptable(const struct record *record, uint32_t contents);

#endif
