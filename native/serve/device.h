/* Bytes to the kernel. An answer may come too late, when nobody waits for it any more: that is no error. */
#ifndef TEES_SERVE_DEVICE_H
#define TEES_SERVE_DEVICE_H

#include "answer.h"

void device_write(const struct answer *answer);
void device_error(uint64_t unique, int error);
/* An answer of bytes that lie elsewhere. */
void device_data(uint64_t unique, const void *bytes, size_t length);
/* What the last server had taken and not answered comes again. Linux 6.9. */
void device_resend(void);

#endif
