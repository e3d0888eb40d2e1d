#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

#define MAGIC 0x314c5054u /* "TPL1" */
#define PLAN_MAX_BYTES (8u << 20)
#define OPERATIONS_MAX 64

struct cursor {
  char *at, *end;
};

static void malformed(void) {
  errno = EBADMSG;
  fail("read the plan", "");
}

static void read_fully(int fd, void *to, size_t size) {
  for (char *at = to; size > 0;) {
    ssize_t got = read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read the plan", "");
    if (got == 0) malformed();
    at += got;
    size -= (size_t)got;
  }
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) fail("allocate memory", "");
  return memory;
}

static uint32_t take_u32(struct cursor *in) {
  uint32_t value;
  if ((size_t)(in->end - in->at) < sizeof value) malformed();
  memcpy(&value, in->at, sizeof value);
  in->at += sizeof value;
  return value;
}

/* The string stays where it is: the NUL that ends it is part of the format. */
static char *take_string(struct cursor *in) {
  uint32_t length = take_u32(in);
  if (length >= (size_t)(in->end - in->at)) malformed();
  char *string = in->at;
  in->at += length + 1;
  if (string[length] != '\0' || strlen(string) != length) malformed();
  return string;
}

static void take_operation(struct cursor *in, struct operation *operation) {
  if (in->at == in->end) malformed();
  operation->code = (enum operation_code)(unsigned char)*in->at++;
  operation->count = take_u32(in);
  /* Each string takes five bytes at least: what is allocated is in proportion to what was sent. */
  if (operation->count > (size_t)(in->end - in->at) / 5) malformed();
  operation->strings = allocate(operation->count + 1, sizeof *operation->strings);
  for (uint32_t i = 0; i < operation->count; i++) operation->strings[i] = take_string(in);
}

void plan_read(int fd, struct plan *plan) {
  uint32_t size;
  read_fully(fd, &size, sizeof size);
  if (size > PLAN_MAX_BYTES) malformed();
  char *bytes = allocate(size, 1);
  read_fully(fd, bytes, size);
  struct cursor in = {bytes, bytes + size};
  if (take_u32(&in) != MAGIC) malformed();
  plan->operations = allocate(OPERATIONS_MAX, sizeof *plan->operations);
  for (plan->count = 0; in.at < in.end; plan->count++) {
    if (plan->count == OPERATIONS_MAX) malformed();
    take_operation(&in, &plan->operations[plan->count]);
  }
}

const struct operation *plan_find(const struct plan *plan, enum operation_code code) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->operations[i].code == code) return &plan->operations[i];
  malformed();
  return NULL;
}

void plan_require(const struct operation *operation, uint32_t count) {
  if (operation->count < count) malformed();
}

uint32_t plan_number(const char *text) {
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || value > UINT32_MAX) malformed();
  return (uint32_t)value;
}
