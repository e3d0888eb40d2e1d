/* The root file system of an environment: mounted by pieces, by descriptors, and made the root. */
#ifndef TEES_ROOT_H
#define TEES_ROOT_H

#include "places.h"
#include "settings.h"
#include "user.h"

struct root {
  const struct settings *settings;
  const struct user *user;
  const struct place *place;
  const char *mask;    /* the mask layer's directory */
  int enter_program;   /* a tree of tees-enter alone */
  int upper, lower_view; /* trees of the layers */
  int namespace;
  int inside; /* of the overlay: targets are found from here */
  size_t bind_count;
  struct bind {
    char *path;
    int tree;
  } binds[BINDS_MAX + 256];
};

/* In a mount namespace of its own: takes what it needs of the node, and mounts the overlay. */
void root_prepare(struct root *root);
/* In the environment's own process namespace, with the node's privileges still: attaches the rest, and goes there. */
void root_enter(struct root *root);

#endif
