/*
 * The loader's own opens: libraries that a program needs, and those of dlopen, are opened inside the dynamic loader,
 * which asks an audit library (rtld-audit(7)) about each name first. This one uses no C library: an audit library is
 * loaded with its own copy of whatever it needs, into every program.
 */
#include "kernel.h"
#include "wait.h"

#define PUBLIC __attribute__((visibility("default")))

static bool nothing_is_missing;

static void await_name(const char *name) {
  int fd = open_awaited(AT_FDCWD, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd >= 0) kernel_close(fd);
}

PUBLIC unsigned la_version(unsigned version) {
  nothing_is_missing = all_is_here();
  if (!nothing_is_missing) {
    /* The loader reads these next, and takes them for absent when it cannot. */
    await_name("/etc/ld.so.preload");
    await_name("/etc/ld.so.cache");
  }
  return version;
}

PUBLIC char *la_objsearch(const char *name, uintptr_t *cookie, unsigned flag) {
  (void)cookie;
  (void)flag;
  /* Without a slash it is what the loader will search; it asks again about each place. */
  for (const char *at = name; !nothing_is_missing && *at; at++) {
    if (*at != '/') continue;
    await_name(name);
    break;
  }
  return (char *)name;
}

/* The compiler may call these for a structure, and there is no C library to have them. */
void *memset(void *to, int byte, size_t size);
void *memset(void *to, int byte, size_t size) {
  for (volatile unsigned char *at = to; size-- > 0;) *at++ = (unsigned char)byte;
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  volatile unsigned char *at = to;
  for (const unsigned char *source = from; size-- > 0;) *at++ = *source++;
  return to;
}
