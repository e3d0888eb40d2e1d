/*
 * The shim's parsers, built with sanitizers. Arguments: the protocol's vectors, a program, a directory to write in,
 * and for how many milliseconds to try changed replies, programs and environments.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"
#include "variables.h"

static unsigned long random_state = 0x9e3779b97f4a7c15ul;
static unsigned long next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static size_t from_hex(const char *hex, unsigned char *bytes) {
  size_t count = 0;
  for (; sscanf(hex + 2 * count, "%2hhx", &bytes[count]) == 1 && count < 63; count++) continue;
  return count;
}

static int check_vectors(const char *path) {
  FILE *file = fopen(path, "r");
  char line[256], hex[128];
  unsigned char bytes[64], encoded[TEES_REQUEST_BYTES];
  int kind, reason, descriptor, answer, seen = 0;
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "request %d %d %d %127s", &kind, &reason, &descriptor, hex) == 4) {
      size_t size = from_hex(hex, bytes);
      tees_encode_request(&(struct tees_request){(uint8_t)kind, (uint8_t)reason, descriptor}, encoded);
      if (size != sizeof encoded || memcmp(bytes, encoded, size)) return fprintf(stderr, "encoded otherwise: %s", line), 0;
      seen++;
    } else if (sscanf(line, "reply %d %127s", &answer, hex) == 2) {
      if (tees_decode_reply(bytes, from_hex(hex, bytes)) != answer) return fprintf(stderr, "read otherwise: %s", line), 0;
      seen++;
    } else if (sscanf(line, "no-reply %127s", hex) == 1) {
      if (tees_decode_reply(bytes, from_hex(hex, bytes)) != -1) return fprintf(stderr, "not refused: %s", line), 0;
      seen++;
    }
  }
  fclose(file);
  return seen;
}

static void try_replies(void) {
  unsigned char *bytes = malloc(16);
  size_t length = next_random() % 17;
  for (size_t i = 0; i < 16; i++) bytes[i] = (unsigned char)next_random();
  if (next_random() % 2) memcpy(bytes, "TPA1", 4);
  unsigned char *exact = malloc(length ? length : 1);
  memcpy(exact, bytes, length);
  int answer = tees_decode_reply(exact, length);
  if (answer < -1 || answer > TEES_REFUSED) abort();
  free(exact);
  free(bytes);
}

/* A program's first bytes with some changed, or a script's. */
static void try_program(const char *path, const unsigned char *program, size_t size) {
  unsigned char head[4096];
  if (size > sizeof head) size = sizeof head;
  memcpy(head, program, size);
  if (next_random() % 8 == 0) {
    memcpy(head, "#! \t", 4);
    for (size_t i = 4; i < 300; i++) head[i] = "/a. \t\n\0x"[next_random() % 8];
  }
  for (unsigned long changes = next_random() % 12; changes > 0; changes--)
    head[next_random() % (next_random() % 2 ? 1024 : 64)] = (unsigned char)next_random();
  size_t length = next_random() % 4 ? size : next_random() % size;
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
  if (fd < 0 || write(fd, head, length) != (ssize_t)length) abort();
  close(fd);
  prepare_program(AT_FDCWD, path, 0);
}

static void try_environment(void) {
  static const char *const PIECES[] = {
      "LD_PRELOAD=", "LD_AUDIT=", "LD_PRELOAD=a.so", "LD_PRELOAD=" TEES_PRELOAD_LIBRARY, "LD_AUDIT=x:" TEES_AUDIT_LIBRARY,
      "LD_PRELOAD= : " TEES_PRELOAD_LIBRARY ":b.so ", "LD_AUDIT=" TEES_AUDIT_LIBRARY ":", "A=B", "", "LD_PRELOAD",
      "LD_PRELOAD=" TEES_PRELOAD_LIBRARY "x"};
  char *envp[8];
  size_t count = next_random() % 8;
  for (size_t i = 0; i < count; i++) envp[i] = (char *)PIECES[next_random() % (sizeof PIECES / sizeof *PIECES)];
  envp[count] = NULL;
  bool needed = next_random() % 2;
  void *memory = malloc(variables_size(envp));
  char **made = variables_fill(envp, needed, memory);
  if (needed && !variables_have_shim(made)) abort();
  for (char **at = made; !needed && *at; at++)
    if (strcmp(*at, "LD_PRELOAD=" TEES_PRELOAD_LIBRARY) == 0) abort();
  free(memory);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int vectors = check_vectors(argv[1]);
  unsigned char program[4096];
  int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
  ssize_t size = read(fd, program, sizeof program);
  if (size < 1024) return 2;
  char path[512];
  snprintf(path, sizeof path, "%s/changed", argv[3]);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  long end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + atol(argv[4]);
  long rounds = 0;
  do {
    try_replies();
    try_environment();
    try_program(path, program, (size_t)size);
    rounds++;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < end);
  printf("vectors %d rounds %s\n", vectors, rounds > 100 ? "many" : "few");
  return vectors > 0 ? 0 : 1;
}
