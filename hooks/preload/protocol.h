/*
 * What the shim and the node's daemon say to each other. The daemon listens on the stream socket TEES_SOCKET inside
 * the environment. One connection is one question: the client sends a request and waits, without a deadline, for the
 * reply; then both close. Closing early gives the question up. Numbers are little-endian.
 *
 *   request, 16 bytes                              reply, 8 bytes
 *     0  u32 magic   "TPQ1"                          0  u32 magic   "TPA1"
 *     4  u8  kind    enum tees_kind                  4  u8  answer  enum tees_answer
 *     5  u8  reason  enum tees_reason, or 0          5  3 bytes, zero
 *     6  u16 zero
 *     8  i32 descriptor, of the client, >= 0
 *    12  u32 zero
 *
 * The descriptor (O_PATH will do) says which file is meant, and the daemon asks the kernel which it is: so names,
 * working directories, chroot and renames in the meantime do not matter. It must stay open until the reply.
 * Who asks, the daemon hears from the kernel too (SO_PEERCRED). The bytes that the tests of both sides share are in
 * protocol-vectors.txt.
 */
#ifndef TEES_PRELOAD_PROTOCOL_H
#define TEES_PRELOAD_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

/* A directory that the launcher mounts, read-only, where no layer can have anything. */
#define TEES_DIRECTORY "/.tees"
#define TEES_SOCKET TEES_DIRECTORY "/socket"
/* It exists when everything has arrived: nothing need be asked any more. */
#define TEES_COMPLETE TEES_DIRECTORY "/complete"
#define TEES_PRELOAD_LIBRARY TEES_DIRECTORY "/preload.so"
#define TEES_AUDIT_LIBRARY TEES_DIRECTORY "/audit.so"

#define TEES_REQUEST_MAGIC 0x31515054u
#define TEES_REPLY_MAGIC 0x31415054u
#define TEES_REQUEST_BYTES 16
#define TEES_REPLY_BYTES 8

enum tees_kind {
  TEES_WAIT_FILE = 1, /* for the content of the descriptor's file */
  TEES_WAIT_ALL = 2,  /* for everything: the descriptor's file is a program that cannot wait for itself */
};

/* Why a program cannot wait for itself; with TEES_WAIT_ALL only. */
enum tees_reason {
  TEES_STATIC = 1,      /* no dynamic loader runs in it */
  TEES_FOREIGN = 2,     /* a dynamic loader other than glibc's */
  TEES_MACHINE = 3,     /* of another machine or word size than the shim */
  TEES_RAW_CALLS = 4,   /* it calls the kernel without the C library (Go) */
  TEES_UNREADABLE = 5,  /* it may be executed, but not be read */
};

enum tees_answer {
  TEES_HERE = 0,    /* it has been here already */
  TEES_ARRIVED = 1, /* it is here now */
  TEES_FAILED = 2,  /* it will not come: EIO */
  TEES_UNKNOWN = 3, /* no file of this job's layer */
  TEES_REFUSED = 4, /* not a request, or not from this job */
};

struct tees_request {
  uint8_t kind;
  uint8_t reason;
  int32_t descriptor;
};

void tees_encode_request(const struct tees_request *request, uint8_t bytes[TEES_REQUEST_BYTES]);
/* The answer, or -1 when these are not exactly a reply. */
int tees_decode_reply(const uint8_t *bytes, size_t length);

#endif
