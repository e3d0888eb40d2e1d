/* Trees of mounts that are nowhere yet (open_tree(2)), and places inside a root whose names may lie: it is its user's. */
#ifndef TEES_TREES_H
#define TEES_TREES_H

#include <stdint.h>

/* A clone of the mount at `path` from there on, private; `recursive`: AT_RECURSIVE for those below it, or 0. -1: see errno. */
int tree_clone(const char *path, unsigned recursive, uint64_t attributes);
/* Without symbolic links. A descriptor of the place alone; -1: see errno. */
int inside_open(int inside, const char *path);
void inside_mount(int inside, const char *path, const char *type, unsigned long flags, const char *options);

#endif
