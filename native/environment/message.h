/* Messages: u32 bytes that follow (little-endian), then strings, each ended by a NUL. Descriptors come with the first byte. */
#ifndef TEES_MESSAGE_H
#define TEES_MESSAGE_H

#include "environment.h"

/* An environment may be large: ARG_MAX is 2 MiB. */
#define MESSAGE_MAX_BYTES (4u << 20)
/* What is listed takes more room than what is sent. */
#define MESSAGE_STRINGS_MAX (1u << 18)
#define MESSAGE_FDS_MAX 4

struct message {
  size_t count;
  char **strings; /* `count` of them and a NULL */
  size_t fd_count;
  int fds[MESSAGE_FDS_MAX];
  char *bytes;
};

/* The whole of it, blocking. 0, or -1 with errno: 0 for an end, EPROTO for what is no message. */
int message_receive(int fd, struct message *message);
void message_free(struct message *message);
/* 0 or -1 with errno. `strings` ends with a NULL. */
int message_send(int fd, const int *fds, size_t fd_count, const char *const *strings);
#define message_say(fd, ...) message_send(fd, NULL, 0, (const char *const[]){__VA_ARGS__, NULL})

/* What fails is told to whoever is at this descriptor, and ends the process. */
void failures_to(int fd);
int failures_fd(void);
void refuse(const char *code, const char *message, const char *hint) __attribute__((noreturn));
/* "cannot WHAT: PATH: strerror(errno)", as ENVIRONMENT_FAILED. */
void fail(const char *what, const char *path) __attribute__((noreturn));

#endif
