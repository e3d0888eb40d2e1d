/* Streams: the C library opens their files inside, where nothing can be put in front. */
#include <mntent.h>
#include <nl_types.h>
#include <stdio.h>
#include <string.h>

#include "shim.h"

#define WRAP_FOPEN(name)                                                                       \
  REAL(FILE *, name, const char *, const char *)                                               \
  PUBLIC FILE *name(const char *path, const char *mode) {                                      \
    return CALL_UNTIL_HERE(real_##name()(path, mode), (FILE *)NULL, AT_FDCWD, path, 0);        \
  }

/* One that failed has closed the stream, and cannot be made again. */
#define WRAP_FREOPEN(name)                                                    \
  REAL(FILE *, name, const char *, const char *, FILE *)                      \
  PUBLIC FILE *name(const char *path, const char *mode, FILE *stream) {       \
    if (path) settle(path);                                                   \
    return real_##name()(path, mode, stream);                                 \
  }

FILE *__setmntent(const char *, const char *);
FILE *_IO_fopen(const char *, const char *);

WRAP_FOPEN(fopen)
WRAP_FOPEN(fopen64)
WRAP_FOPEN(_IO_fopen)
WRAP_FOPEN(setmntent)
WRAP_FOPEN(__setmntent)
WRAP_FREOPEN(freopen)
WRAP_FREOPEN(freopen64)

REAL(nl_catd, catopen, const char *, int)
/* A name without a slash is searched for; those catalogues are in the urgent part. */
PUBLIC nl_catd catopen(const char *name, int flag) {
  if (strchr(name, '/')) settle(name);
  return real_catopen()(name, flag);
}
