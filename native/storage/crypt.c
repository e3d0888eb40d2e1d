#include "crypt.h"

#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "storage.h"

enum { BLOCK_BYTES = 16 };

static EVP_CIPHER_CTX *context;

int crypt_key(const unsigned char *key) {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
  if (!context) context = EVP_CIPHER_CTX_new();
  if (!context) return ENOMEM;
  return EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), NULL, key, NULL) == 1 ? 0 : EINVAL;
}

int crypt_piece(uint32_t segment, uint64_t offset, unsigned char *bytes, uint32_t length) {
  if (!context) return ENOKEY;
  uint64_t counter[2] = {htobe64(segment), htobe64(offset / BLOCK_BYTES)};
  unsigned char passed[BLOCK_BYTES] = {0};
  int count;
  if (EVP_EncryptInit_ex(context, NULL, NULL, NULL, (const unsigned char *)counter) != 1 ||
      EVP_EncryptUpdate(context, passed, &count, passed, (int)(offset % BLOCK_BYTES)) != 1 ||
      EVP_EncryptUpdate(context, bytes, &count, bytes, (int)length) != 1)
    return EINVAL;
  return 0;
}
