/*
 * A request of the kernel, from bytes to fields. Pure: no input or output, so that it can be fuzzed.
 * The kernel is trusted, but not to be of the version that this was written for.
 */
#ifndef TEES_SERVE_REQUEST_H
#define TEES_SERVE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

struct request {
  uint64_t unique; /* for the answer */
  uint64_t node;
  uint32_t opcode;
  uint32_t pid; /* the thread that asks, in the mounter's pid namespace; 0 when it is not in there */
  union {
    struct {
      uint32_t minor, max_readahead;
      uint64_t flags;
    } init;
    struct {
      const char *name; /* in the request's bytes */
      size_t length;    /* without its NUL */
    } lookup;
    struct {
      uint32_t flags;
    } open;
    struct {
      uint64_t offset;
      uint32_t size;
    } read; /* FUSE_READ, FUSE_READDIR */
    struct {
      uint64_t offset;
      uint32_t whence;
    } lseek;
    struct {
      uint64_t unique;
    } interrupt;
  };
};

/*
 * Returns 0; or an errno to answer `request->unique` with; or -1 when not even that can be known.
 * Fields of operations that are not served stay 0.
 */
int request_parse(const void *bytes, size_t length, struct request *request);

#endif
