/*
 * tees-storage UID GID GROUPS DIRECTORY NAME
 *
 * The only process of TEES that touches a job's files on shared storage, as the user: whatever hangs there hangs here,
 * and not a daemon. GROUPS are numbers with commas between, or nothing. The files are DIRECTORY/NAME/0, 1, 2, …,
 * *segments*, each written once from its beginning to its end.
 *
 * What lies in a segment is encrypted, AES-256 in counter mode: the first half of the counter is the segment's number, the
 * other one the block's, so that no two blocks of a job are treated alike. Files belong to the user, who may read them; what
 * of the layer the user may not read must stay so there, too. That nothing was changed, the layer's digests say.
 *
 * Answers each request on standard input by a reply on standard output, one after the other, and ends with its input.
 * Numbers are this machine's. A segment is there for others, whole, when OP_FINISH has been answered: it is on the
 * storage (fsync) and closed, as a network file system that is consistent from close to open needs it.
 */
#ifndef TEES_STORAGE_H
#define TEES_STORAGE_H

#include <stdint.h>

/* Bytes of one read or write, at most. */
#define STORAGE_PIECE_MAX (1u << 20)
#define STORAGE_KEY_BYTES 32

enum op {
  OP_KEY = 0,    /* STORAGE_KEY_BYTES behind the request: before all others that read or write */
  OP_MAKE = 1,   /* the directory NAME, which must not be there */
  OP_WRITE = 2,  /* `length` bytes behind the request, at the end of `segment`, which is created by the first */
  OP_FINISH = 3, /* `segment` is whole */
  OP_READ = 4,   /* `length` bytes of `segment` at `offset`; the reply is followed by them */
  OP_REMOVE = 5, /* NAME with its segments; it may be gone already */
};

struct request {
  uint32_t op, segment;
  uint64_t offset;
  uint32_t length, unused;
};

struct reply {
  int32_t error;   /* of errno; ENODATA: the segment is shorter. */
  uint32_t length; /* of what follows */
};

#endif
