#include "protocol.h"

static void put(unsigned char *at, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *at, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
  return value;
}

void record_encode(const struct record *record, unsigned char bytes[RECORD_BYTES]) {
  put(bytes, record->kind, 4);
  put(bytes + 4, record->content, 4);
  put(bytes + 8, record->value, 8);
}

void record_decode(const unsigned char bytes[RECORD_BYTES], struct record *record) {
  record->kind = (uint32_t)get(bytes, 4);
  record->content = (uint32_t)get(bytes + 4, 4);
  record->value = get(bytes + 8, 8);
}

bool record_acceptable(const struct record *record, uint32_t contents) {
  switch (record->kind) {
    case RECORD_ARRIVED: return record->content < contents;
    case RECORD_FAIL:
    case RECORD_RESUME:
    case RECORD_STOP:
    case RECORD_COUNT: return record->content == 0;
    default: return false;
  }
}
