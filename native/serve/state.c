#include "state.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t sizes_at(void) { return (sizeof(struct state) + 63) & ~(size_t)63; }

static size_t bytes_for(uint32_t count) {
  return sizes_at() + (size_t)count * (sizeof(uint64_t) + sizeof(int32_t));
}

int state_create(uint32_t count) {
  int fd = memfd_create("tees-serve", MFD_CLOEXEC);
  if (fd < 0) return -1;
  if (ftruncate(fd, (off_t)bytes_for(count)) < 0) {
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
  }
  return fd;
}

int state_attach(int fd, struct shared *shared) {
  struct stat found;
  if (fstat(fd, &found) < 0) return -1;
  size_t bytes = (size_t)found.st_size;
  char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return -1;
  uint32_t count = (uint32_t)((bytes - sizes_at()) / (sizeof(uint64_t) + sizeof(int32_t)));
  shared->state = (struct state *)at;
  shared->state->count = count;
  shared->tree = (struct tree){.count = count, .sizes = (const uint64_t *)(at + sizes_at())};
  shared->backings = (_Atomic int32_t *)(at + sizes_at() + (size_t)count * sizeof(uint64_t));
  return 0;
}

uint64_t *state_sizes(const struct shared *shared) { return (uint64_t *)(uintptr_t)shared->tree.sizes; }
