#include "device.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "serve.h"

static void write_parts(const struct iovec *parts, int count) {
  while (writev(FD_FUSE, parts, count) < 0 && errno == EINTR) continue;
}

void device_write(const struct answer *answer) {
  struct iovec part = {.iov_base = (void *)(uintptr_t)answer, .iov_len = answer->header.len};
  write_parts(&part, 1);
}

void device_error(uint64_t unique, int error) {
  struct fuse_out_header header = {.len = sizeof header, .error = -error, .unique = unique};
  struct iovec part = {.iov_base = &header, .iov_len = sizeof header};
  write_parts(&part, 1);
}

void device_data(uint64_t unique, const void *bytes, size_t length) {
  struct fuse_out_header header = {.len = (uint32_t)(sizeof header + length), .unique = unique};
  struct iovec parts[2] = {{.iov_base = &header, .iov_len = sizeof header},
                           {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length}};
  write_parts(parts, 2);
}

void device_resend(void) {
  /* Number 0 is no answer but a notice, its code where the error stands. */
  struct fuse_out_header header = {.len = sizeof header, .error = NOTIFY_RESEND};
  struct iovec part = {.iov_base = &header, .iov_len = sizeof header};
  write_parts(&part, 1);
}
