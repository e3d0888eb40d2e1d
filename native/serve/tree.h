/*
 * What is served: `/`, `/.tees`, and `/.tees/ID` for ID from 0 to count - 1. Pure.
 * A node's number follows from its content's, so that it means the same to every process that will ever serve.
 */
#ifndef TEES_SERVE_TREE_H
#define TEES_SERVE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

#define CONTENTS_NAME ".tees"
/* Of a content's number in decimal, with its NUL. */
#define CONTENT_NAME_SIZE 11

enum { NODE_ROOT = FUSE_ROOT_ID, NODE_CONTENTS = 2, NODE_FIRST_CONTENT = 16 };

struct tree {
  uint32_t count;
  const uint64_t *sizes; /* of each content, in bytes */
};

bool tree_content(const struct tree *tree, uint64_t node, uint32_t *content);
/* 0 when there is nothing of that name. */
uint64_t tree_lookup(const struct tree *tree, uint64_t directory, const char *name, size_t length);
/* False when there is no such node. */
bool tree_attributes(const struct tree *tree, uint64_t node, struct fuse_attr *attributes);
/* Entries from `offset` on into `into`, whole ones only; returns their bytes, or -1 when this is no directory. */
ptrdiff_t tree_entries(const struct tree *tree, uint64_t directory, uint64_t offset, void *into, size_t room);

#endif
