/* The cipher of what lies on the shared storage; see storage.h. */
#ifndef TEES_STORAGE_CRYPT_H
#define TEES_STORAGE_CRYPT_H

#include <stdint.h>

/* Copies STORAGE_KEY_BYTES. 0 or an errno. */
int crypt_key(const unsigned char *key);
/* What lies at `offset` of `segment`, or will, in its place; the same both ways. 0 or an errno: ENOKEY without a key. */
int crypt_piece(uint32_t segment, uint64_t offset, unsigned char *bytes, uint32_t length);

#endif
