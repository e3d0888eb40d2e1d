/* Prints what the C side of the serving socket writes and reads, for comparison with the TypeScript side. */
#include <stdio.h>

#include "protocol.h"
#include "setup.h"
#include "state.h"

static void show(const char *name, const struct record *record) {
  unsigned char bytes[RECORD_BYTES];
  record_encode(record, bytes);
  printf("%s ", name);
  for (int i = 0; i < RECORD_BYTES; i++) printf("%02x", bytes[i]);
  printf("\n");
}

int main(void) {
  uint64_t flags = HELLO_PASSTHROUGH | HELLO_FAILING;
  show("hello", &(struct record){.kind = RECORD_HELLO, .content = PROTOCOL_VERSION, .value = 70000 | flags});
  show("blocked", &(struct record){.kind = RECORD_BLOCKED, .content = 0x01020304});
  show("unblocked", &(struct record){.kind = RECORD_UNBLOCKED, .content = 7});
  show("counter", &(struct record){.kind = RECORD_COUNTER, .content = COUNT_WAITING, .value = 0x0102030405060708});
  show("done", &(struct record){.kind = RECORD_DONE, .value = 3});
  show("process", &(struct record){.kind = RECORD_PROCESS, .value = 4194304});
  show("arrived", &(struct record){.kind = RECORD_ARRIVED, .content = 0xfffffffe});
  show("fail", &(struct record){.kind = RECORD_FAIL});
  show("resume", &(struct record){.kind = RECORD_RESUME});
  show("stop", &(struct record){.kind = RECORD_STOP});
  show("count", &(struct record){.kind = RECORD_COUNT, .value = 3});
  printf("setup %08x %u\n", SETUP_MAGIC, SETUP_NO_PASSTHROUGH);
  printf("counters %d\n", COUNTERS);
  return 0;
}
