#include "tree.h"

#include <string.h>
#include <sys/stat.h>

#define MODE_DIRECTORY (S_IFDIR | 0555)
#define MODE_CONTENT (S_IFREG | 0444)
#define BLOCK_BYTES 512

bool tree_content(const struct tree *tree, uint64_t node, uint32_t *content) {
  if (node < NODE_FIRST_CONTENT || node - NODE_FIRST_CONTENT >= tree->count) return false;
  *content = (uint32_t)(node - NODE_FIRST_CONTENT);
  return true;
}

/* Only as the names layer writes it: no sign, no leading zero. */
static bool parse_number(const char *name, size_t length, uint64_t *number) {
  if (length == 0 || length >= CONTENT_NAME_SIZE || (length > 1 && name[0] == '0')) return false;
  *number = 0;
  for (size_t i = 0; i < length; i++) {
    if (name[i] < '0' || name[i] > '9') return false;
    *number = *number * 10 + (uint64_t)(name[i] - '0');
  }
  return true;
}

uint64_t tree_lookup(const struct tree *tree, uint64_t directory, const char *name, size_t length) {
  if (directory == NODE_ROOT) {
    bool matches = length == strlen(CONTENTS_NAME) && memcmp(name, CONTENTS_NAME, length) == 0;
    return matches ? NODE_CONTENTS : 0;
  }
  uint64_t number;
  if (directory != NODE_CONTENTS || !parse_number(name, length, &number) || number >= tree->count) return 0;
  return NODE_FIRST_CONTENT + number;
}

bool tree_attributes(const struct tree *tree, uint64_t node, struct fuse_attr *attributes) {
  uint32_t content = 0;
  bool directory = node == NODE_ROOT || node == NODE_CONTENTS;
  if (!directory && !tree_content(tree, node, &content)) return false;
  uint64_t size = directory ? 0 : tree->sizes[content];
  *attributes = (struct fuse_attr){
      .ino = node,
      .size = size,
      .blocks = size / BLOCK_BYTES + (size % BLOCK_BYTES != 0),
      .mode = directory ? MODE_DIRECTORY : MODE_CONTENT,
      .nlink = directory ? 2 : 1,
      .blksize = 4096,
  };
  return true;
}

/* Contents are not listed: names are the names layer's business, and who knows a number asks for it. */
ptrdiff_t tree_entries(const struct tree *tree, uint64_t directory, uint64_t offset, void *into, size_t room) {
  static const struct {
    const char *name;
    uint64_t root, contents; /* the node, by the directory it is listed in */
  } entries[] = {
      {".", NODE_ROOT, NODE_CONTENTS}, {"..", NODE_ROOT, NODE_ROOT}, {CONTENTS_NAME, NODE_CONTENTS, 0}};
  uint32_t content;
  if (tree_content(tree, directory, &content)) return -1;
  if (directory != NODE_ROOT && directory != NODE_CONTENTS) return -1;
  size_t count = directory == NODE_ROOT ? 3 : 2, used = 0;
  for (size_t i = offset < count ? (size_t)offset : count; i < count; i++) {
    size_t length = strlen(entries[i].name);
    size_t size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
    if (size > room - used) break;
    struct fuse_dirent entry = {
        .ino = directory == NODE_ROOT ? entries[i].root : entries[i].contents,
        .off = i + 1,
        .namelen = (uint32_t)length,
        .type = S_IFDIR >> 12,
    };
    char *at = (char *)into + used;
    memset(at, 0, size);
    memcpy(at, &entry, FUSE_NAME_OFFSET);
    memcpy(at + FUSE_NAME_OFFSET, entries[i].name, length);
    used += size;
  }
  return (ptrdiff_t)used;
}
