/*
 * Answers to the kernel. Pure: what needs no file and no waiting is answered here; the rest is named for the worker.
 */
#ifndef TEES_SERVE_ANSWER_H
#define TEES_SERVE_ANSWER_H

#include "kernel.h"
#include "request.h"
#include "tree.h"

#define ANSWER_BODY_MAX 4096
/* One request of the kernel's read, at most. */
#define READ_MAX_BYTES (1u << 20)

struct answer {
  struct fuse_out_header header;
  union {
    struct init_answer init;
    struct fuse_entry_out entry;
    struct fuse_attr_out attributes;
    struct fuse_statfs_out statistics;
    char bytes[ANSWER_BODY_MAX];
  } body;
};

enum work {
  WORK_ANSWERED, /* `answer` is to be written, header.len bytes */
  WORK_NOTHING,  /* the kernel expects no answer */
  WORK_OPEN,     /* the rest takes more than this: */
  WORK_READ,
  WORK_LSEEK,
  WORK_INTERRUPT,
};

struct features {
  bool passthrough, resend;
};

/* An answer of `length` bytes that lie in `answer->body`. */
void answer_with(struct answer *answer, uint64_t unique, size_t length);
void answer_error(struct answer *answer, uint64_t unique, int error);
/* `allowed` says what may be agreed on with the kernel, `agreed` hears what was. */
void answer_init(struct answer *answer, const struct request *request, struct features allowed,
                 struct features *agreed);
/* For OPEN, READ and LSEEK the node is a content's. */
enum work answer_request(struct answer *answer, const struct tree *tree, const struct request *request);

#endif
