#include "request.h"

#include <errno.h>
#include <string.h>

#include "kernel.h"

struct body {
  const char *bytes;
  size_t length;
};

/* The bytes come from a read(2) into memory of any alignment: copied, not cast. */
#define TAKE(body, into) (sizeof(into) <= (body)->length ? (memcpy(&(into), (body)->bytes, sizeof(into)), 1) : 0)

static int parse_init(const struct body *body, struct request *request) {
  struct fuse_init_in in = {0};
  /* Up to 7.35 it ended with `flags`. */
  size_t old_size = offsetof(struct fuse_init_in, flags2);
  if (body->length < old_size) return EPROTO;
  memcpy(&in, body->bytes, body->length < sizeof in ? old_size : sizeof in);
  if (in.major != FUSE_KERNEL_VERSION) return EPROTO;
  request->init.minor = in.minor;
  request->init.max_readahead = in.max_readahead;
  request->init.flags = in.flags;
  if (in.flags & FUSE_INIT_EXT) request->init.flags |= (uint64_t)in.flags2 << 32;
  return 0;
}

static int parse_lookup(const struct body *body, struct request *request) {
  const char *end = memchr(body->bytes, '\0', body->length);
  if (!end) return EINVAL;
  request->lookup.name = body->bytes;
  request->lookup.length = (size_t)(end - body->bytes);
  return 0;
}

static int parse_read(const struct body *body, struct request *request) {
  struct fuse_read_in in;
  /* Before 7.9 it ended earlier; those kernels are refused at FUSE_INIT. */
  if (!TAKE(body, in)) return EINVAL;
  request->read.offset = in.offset;
  request->read.size = in.size;
  return 0;
}

static int parse_lseek(const struct body *body, struct request *request) {
  struct fuse_lseek_in in;
  if (!TAKE(body, in)) return EINVAL;
  request->lseek.offset = in.offset;
  request->lseek.whence = in.whence;
  return 0;
}

static int parse_open(const struct body *body, struct request *request) {
  struct fuse_open_in in;
  if (!TAKE(body, in)) return EINVAL;
  request->open.flags = in.flags;
  return 0;
}

static int parse_interrupt(const struct body *body, struct request *request) {
  struct fuse_interrupt_in in;
  if (!TAKE(body, in)) return EINVAL;
  request->interrupt.unique = in.unique;
  return 0;
}

int request_parse(const void *bytes, size_t length, struct request *request) {
  struct fuse_in_header header;
  memset(request, 0, sizeof *request);
  if (length < sizeof header) return -1;
  memcpy(&header, bytes, sizeof header);
  request->unique = header.unique;
  request->node = header.nodeid;
  request->opcode = header.opcode;
  request->pid = header.pid;
  if (header.len != length) return EINVAL;
  struct body body = {.bytes = (const char *)bytes + sizeof header, .length = length - sizeof header};
  switch (header.opcode) {
    case FUSE_INIT: return parse_init(&body, request);
    case FUSE_LOOKUP: return parse_lookup(&body, request);
    case FUSE_OPEN: return parse_open(&body, request);
    case FUSE_READ:
    case FUSE_READDIR: return parse_read(&body, request);
    case FUSE_LSEEK: return parse_lseek(&body, request);
    case FUSE_INTERRUPT: return parse_interrupt(&body, request);
    default: return 0;
  }
}
