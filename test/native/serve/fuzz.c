/*
 * A bounded fuzzer over everything of the serving process that takes bytes from elsewhere and does no I/O:
 *
 *   fuzz SEED MILLISECONDS
 *
 * Requests start from well-formed ones and are mutated; each lies in memory of exactly its length, so that the address
 * sanitizer sees a read beyond it. What is answered must be a well-formed answer, and what is passed on be in range.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "fatal.h"
#include "protocol.h"
#include "request.h"
#include "waiters.h"

#define CONTENTS 37
#define INPUT_MAX 4096

static uint64_t state;
static const char *what = "";

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static size_t below(size_t limit) { return (size_t)(next() % limit); }

static void check(bool holds, const char *rule) {
  if (holds) return;
  fprintf(stderr, "%s: does not hold: %s\n", what, rule);
  abort();
}

static size_t seed_request(unsigned char *at) {
  static const uint32_t opcodes[] = {FUSE_INIT,    FUSE_LOOKUP,    FUSE_GETATTR, FUSE_OPEN,   FUSE_READ,
                                     FUSE_READDIR, FUSE_INTERRUPT, FUSE_LSEEK,   FUSE_STATFS, FUSE_RELEASE,
                                     FUSE_FORGET,  FUSE_GETXATTR,  FUSE_OPENDIR, FUSE_BATCH_FORGET};
  static const char *const names[] = {".tees", "0", "36", "37", "007", "4294967295", "99999999999", "..", ""};
  struct fuse_in_header header = {.opcode = opcodes[below(sizeof opcodes / sizeof *opcodes)], .unique = 2 * below(1000)};
  static const uint64_t nodes[] = {0, 1, 2, 3, 15, 16, 17, 52, 53, UINT32_MAX, UINT64_MAX};
  header.nodeid = nodes[below(sizeof nodes / sizeof *nodes)];
  size_t length = 0;
  unsigned char *body = at + sizeof header;
  if (header.opcode == FUSE_INIT) {
    struct fuse_init_in in = {.major = 7, .minor = (uint32_t)below(60), .flags = (uint32_t)next(), .flags2 = (uint32_t)next()};
    length = below(4) ? sizeof in : 16;
    memcpy(body, &in, sizeof in);
  } else if (header.opcode == FUSE_LOOKUP) {
    const char *name = names[below(sizeof names / sizeof *names)];
    length = strlen(name) + 1;
    memcpy(body, name, length);
  } else {
    uint64_t fields[8];
    for (int i = 0; i < 8; i++) fields[i] = below(2) ? below(5000) : next();
    length = 8 * below(9);
    memcpy(body, fields, length);
  }
  header.len = (uint32_t)(sizeof header + length);
  memcpy(at, &header, sizeof header);
  return header.len;
}

static size_t mutate(unsigned char *at, size_t length) {
  for (size_t times = below(4); times > 0 && length > 0; times--) {
    switch (below(4)) {
      case 0: at[below(length)] ^= (unsigned char)(1u << below(8)); break;
      case 1: at[below(length)] = (unsigned char)next(); break;
      case 2: length = below(length + 1); break;
      default:
        while (length < INPUT_MAX && below(40)) at[length++] = (unsigned char)next();
    }
  }
  /* A wrong length is found at once; mostly the rest shall be seen. */
  uint32_t said = (uint32_t)length;
  if (length >= 4 && below(8)) memcpy(at, &said, sizeof said);
  return length;
}

static void check_answer(const struct answer *answer, const struct request *request) {
  check(answer->header.len >= sizeof answer->header, "an answer has its header");
  check(answer->header.len <= sizeof *answer, "an answer fits");
  check(answer->header.unique == request->unique, "an answer is for its request");
  check(answer->header.error <= 0 && answer->header.error > -1000, "an error is one");
  check(!answer->header.error || answer->header.len == sizeof answer->header, "an error has no body");
  if (request->opcode == FUSE_READDIR && !answer->header.error)
    check(answer->header.len - sizeof answer->header <= request->read.size, "entries fit into what was asked for");
}

static void fuzz_request(const struct tree *tree) {
  what = "request";
  unsigned char scratch[INPUT_MAX + 64];
  size_t length = mutate(scratch, seed_request(scratch));
  unsigned char *bytes = malloc(length ? length : 1);
  memcpy(bytes, scratch, length);
  struct request request;
  struct answer answer;
  int error = request_parse(bytes, length, &request);
  check(error >= -1 && error < 1000, "the result is an errno, or -1");
  if (!error && request.opcode == FUSE_INIT) {
    struct features agreed;
    answer_init(&answer, &request, (struct features){.passthrough = below(2), .resend = below(2)}, &agreed);
    check_answer(&answer, &request);
  } else if (!error) {
    enum work work = answer_request(&answer, tree, &request);
    uint32_t content = 0;
    if (work == WORK_ANSWERED) check_answer(&answer, &request);
    if (work == WORK_OPEN || work == WORK_READ || work == WORK_LSEEK)
      check(tree_content(tree, request.node, &content) && content < tree->count, "there is such a content");
  }
  free(bytes);
}

static void fuzz_status(void) {
  what = "status";
  static const char seed[] = "Name:\tcat\nSigQ:\t0/9\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000100\n"
                             "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\nSigCgt:\t00000001a0016623\n";
  unsigned char scratch[INPUT_MAX + sizeof seed];
  memcpy(scratch, seed, sizeof seed - 1);
  size_t length = sizeof seed - 1;
  for (size_t times = below(6); times > 0 && length > 0; times--) scratch[below(length)] = (unsigned char)next();
  length = below(3) ? length : below(length + 1);
  char *text = malloc(length ? length : 1);
  memcpy(text, scratch, length);
  fatal_in_status(text, length);
  free(text);
}

static void fuzz_record(void) {
  what = "record";
  unsigned char bytes[RECORD_BYTES], again[RECORD_BYTES];
  for (int i = 0; i < RECORD_BYTES; i++) bytes[i] = (unsigned char)(below(3) ? below(24) : 0);
  struct record record;
  record_decode(bytes, &record);
  record_encode(&record, again);
  check(memcmp(bytes, again, sizeof bytes) == 0, "decoded and encoded again it is the same");
  if (record_acceptable(&record, CONTENTS)) check(record.content < CONTENTS, "a content is in range");
}

/* Against a model: which content each number waits for. */
static void fuzz_waiters(void) {
  what = "waiters";
  enum { NUMBERS = 700 };
  struct waiters waiters;
  int model[NUMBERS];
  size_t count = 0;
  check(waiters_init(&waiters, CONTENTS), "there is memory");
  for (int i = 0; i < NUMBERS; i++) model[i] = -1;
  for (size_t steps = below(3000); steps > 0; steps--) {
    size_t number = below(NUMBERS);
    uint64_t unique = 2 * number + 2, resent = below(2) ? UNIQUE_RESENT : 0;
    uint32_t content = (uint32_t)below(CONTENTS);
    struct waiter *waiter = waiters_find(&waiters, unique | resent);
    check(waiter ? model[number] == (int)waiter->content : model[number] < 0, "who waits is found");
    switch (below(4)) {
      case 0:
      case 1:
        if (!waiter) count++, model[number] = (int)content;
        waiter = waiters_add(&waiters, unique | resent, content, 1);
        if (below(3) == 0) waiters_watch(&waiters, waiter);
        break;
      case 2:
        if (!waiter) break;
        waiters_remove(&waiters, waiter);
        free(waiter);
        model[number] = -1, count--;
        break;
      default:
        if (below(20)) break;
        for (struct waiter *after, *taken = waiters_take(&waiters, content); taken; taken = after) {
          after = taken->next;
          check(model[(taken->unique & ~UNIQUE_RESENT) / 2 - 1] == (int)content, "it waited for that");
          model[(taken->unique & ~UNIQUE_RESENT) / 2 - 1] = -1, count--;
          free(taken);
        }
    }
    check(waiters.count == count, "they are counted");
  }
  waiters_free(&waiters);
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  state = strtoull(argv[1], NULL, 10) * 2 + 1;
  uint64_t sizes[CONTENTS];
  for (int i = 0; i < CONTENTS; i++) sizes[i] = (uint64_t)i << i;
  struct tree tree = {.count = CONTENTS, .sizes = sizes};
  long end = now_ms() + atol(argv[2]), rounds = 0;
  for (; now_ms() < end; rounds++) {
    for (int i = 0; i < 200; i++) {
      fuzz_request(&tree);
      fuzz_status();
      fuzz_record();
    }
    fuzz_waiters();
  }
  printf("%ld inputs\n", rounds * 600);
  return 0;
}
