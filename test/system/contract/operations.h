/*
 * Operations on files whose contents are missing at first, and what a program sees of them: one line each, without
 * anything that two equal environments may have different (inode numbers, descriptors' paths, the time).
 * The working directory is the operation's own; layer.ts says what is in it.
 */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct operation {
  const char *name;
  void (*run)(void);
};

extern const struct operation reading[], opening[], changing[], naming[], processes[];

/* Adds to the operation's line. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
/* "ok", or the error's text when the result is -1. */
const char *outcome(long result);
/* What is at the path: kind, mode, links, size, owner, whether its time is still the layer's, and its content. */
void show(const char *path);
/* The rest of an open file, and closes it; or why it is not open. */
void show_fd(const char *what, int fd);
uint64_t digest(uint64_t before, const void *bytes, size_t length);
void write_all(int fd, const char *text);
/* Sorted, with their kinds. */
void list(const char *path);
/* Waits for a child and says how it ended. */
void show_end(const char *what, int pid);

#define TRY(call) say(#call " %s", outcome((long)(call)))
#define NUMBER(call) \
  do { \
    errno = 0; \
    long number = (long)(call); \
    say(#call " %ld %s", number, number < 0 ? strerror(errno) : ""); \
  } while (0)

#endif
