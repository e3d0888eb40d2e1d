/*
 * The kernel's FUSE protocol (include/uapi/linux/fuse.h) as far as it is newer than the headers that this is built
 * with: names of our own, so that older and newer headers both do.
 */
#ifndef TEES_SERVE_KERNEL_H
#define TEES_SERVE_KERNEL_H

#include <linux/fuse.h>
#include <linux/ioctl.h>
#include <stdint.h>

/* Flags of FUSE_INIT, 64 bits. Linux 6.9. */
#define INIT_PASSTHROUGH (1ull << 37)
#define INIT_HAS_RESEND (1ull << 39)

/* Flags of an answer to FUSE_OPEN. Linux 5.16, 6.9. */
#define OPEN_NOFLUSH (1u << 5)
#define OPEN_PASSTHROUGH (1u << 7)

/* Unsolicited: send again what was taken and not answered. Linux 6.9. */
#define NOTIFY_RESEND 7
/* In the number of a request that was sent again; its answer carries it too. */
#define UNIQUE_RESENT (1ull << 63)

/* struct fuse_backing_map */
struct backing_map {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
#define BACKING_OPEN _IOW(229, 1, struct backing_map)

/* struct fuse_open_out with `backing_id` where it once had padding */
struct open_answer {
  uint64_t handle;
  uint32_t flags;
  int32_t backing;
};
_Static_assert(sizeof(struct open_answer) == sizeof(struct fuse_open_out), "the kernel's size");

/* struct fuse_init_out, whose later fields are still unused ones in older headers */
struct init_answer {
  uint32_t major, minor;
  uint32_t max_readahead;
  uint32_t flags;
  uint16_t max_background, congestion_threshold;
  uint32_t max_write;
  uint32_t time_granularity_ns;
  uint16_t max_pages, map_alignment;
  uint32_t flags2;
  uint32_t max_stack_depth; /* 1: overlayfs may be mounted over us */
  uint32_t unused[6];
};
_Static_assert(sizeof(struct init_answer) == sizeof(struct fuse_init_out), "the kernel's size");

#endif
