#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "serve.h"

void close_fd(const int *fd) {
  int saved = errno;
  if (*fd >= 0) close(*fd);
  errno = saved;
}

void free_pointer(void *pointer) { free(*(void **)pointer); }
