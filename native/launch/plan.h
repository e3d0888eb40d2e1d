/*
 * The plan: operations in the order in which they are executed, each with strings.
 * Wire format, little-endian: u32 bytes that follow, u32 magic, then per operation u8 code, u32 count and per
 * string u32 length, bytes, NUL. Strings hold no NUL of their own.
 */
#ifndef TEES_PLAN_H
#define TEES_PLAN_H

#include <stddef.h>
#include <stdint.h>

/* The same codes as in src/environment/plan.ts. */
enum operation_code {
  OP_IDENTITY = 2,    /* UID GID [GROUP…] of the task */
  OP_ENTER = 3,       /* DIR: the job's directory; the overlay's paths are relative to it */
  OP_OVERLAY = 4,     /* SOURCE OPTIONS: mounts the overlay at `stage`; the source is a name to show */
  OP_HIDE = 5,        /* [DIR…]: covered by something empty inside, and no mount at or below is carried in */
  OP_EXCLUDE = 6,     /* [DIR…]: no mount below is carried in */
  OP_ATTACH = 7,      /* [PATH…]: carries the node's mounts in, and these paths (bind) */
  OP_PROC = 8,        /* a /proc of the environment's own process namespace; with any string, the node's: who comes in later is of that one */
  OP_COVER = 9,       /* what OP_HIDE has named */
  OP_PIVOT = 10,      /* the stage becomes the root, the node's own goes */
  OP_ENVIRONMENT = 11,/* NAME=VALUE… */
  OP_DIRECTORY = 12,  /* PATH: the task's working directory */
  OP_RUN = 13,        /* [ARG…]: the task; without, the environment is there for others to come in; the last operation */
  OP_GUARD = 14,      /* keeps the layer from laying open what the node protects; after OP_ENTER */
  OP_HOOK = 15,       /* DIR: of the node, shows read-only as /.tees, which the names layer has; after OP_COVER */
  OP_FILTER = 17,     /* [NAME…]: the task may not ask the kernel for some things, but for these (filter.h) */
  OP_LIMITS = 18,     /* ROOT NAME MEMORY PROCESSES: of the user's tasks on this node (groups.h) */
  OP_TRACE = 16,      /* MILLISECONDS: for so long what is opened is written down (trace.h); 0 for not at all */
};

struct operation {
  enum operation_code code;
  uint32_t count;
  char **strings; /* `count` of them and a NULL, like argv */
};

struct plan {
  struct operation *operations;
  size_t count;
};

/* Reads a plan from `fd`. Does not return when it is malformed. It is never freed: the program lives as long. */
void plan_read(int fd, struct plan *plan);
/* The first operation with this code, or a failure. */
const struct operation *plan_find(const struct plan *plan, enum operation_code code);
/* A failure when it has fewer strings. */
void plan_require(const struct operation *operation, uint32_t count);
/* A string that must be a whole number of up to 32 bits. */
uint32_t plan_number(const char *text);

#endif
