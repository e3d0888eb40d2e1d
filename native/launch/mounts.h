/* The environment's file system, step by step; see plan.h for the operations. None returns when it failed. */
#ifndef TEES_MOUNTS_H
#define TEES_MOUNTS_H

#include "plan.h"

struct mounts {
  int stage;      /* O_PATH: the overlay's root */
  int proc;       /* the environment's /proc; -1 before */
  char **hidden;  /* NULL-terminated, canonical */
  char **excluded;
};

/* Mounts go nowhere else from here on. */
void mounts_make_private(void);
void mounts_overlay(struct mounts *mounts, const struct operation *operation);
void mounts_hide(struct mounts *mounts, const struct operation *operation);
void mounts_exclude(struct mounts *mounts, const struct operation *operation);
void mounts_attach(const struct mounts *mounts, const struct operation *operation);
void mounts_proc(struct mounts *mounts, const struct operation *operation);
void mounts_cover(const struct mounts *mounts);
void mounts_hook(const struct mounts *mounts, const struct operation *operation);
void mounts_pivot(const struct mounts *mounts);

#endif
