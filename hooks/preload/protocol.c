#include "protocol.h"

static void put_u32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void tees_encode_request(const struct tees_request *request, uint8_t bytes[TEES_REQUEST_BYTES]) {
  put_u32(bytes, TEES_REQUEST_MAGIC);
  bytes[4] = request->kind;
  bytes[5] = request->reason;
  bytes[6] = bytes[7] = 0;
  put_u32(bytes + 8, (uint32_t)request->descriptor);
  put_u32(bytes + 12, 0);
}

int tees_decode_reply(const uint8_t *bytes, size_t length) {
  if (length != TEES_REPLY_BYTES || get_u32(bytes) != TEES_REPLY_MAGIC) return -1;
  if (bytes[4] > TEES_REFUSED || bytes[5] || bytes[6] || bytes[7]) return -1;
  return bytes[4];
}
