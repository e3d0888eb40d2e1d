#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Names, sizes and modes never change while a job lasts. The kernel counts in jiffies, and caps. */
#define FOREVER_SECONDS (1ull << 32)
/* 7.31: FUSE_MAX_PAGES, FUSE_NO_OPENDIR_SUPPORT, FUSE_EXPLICIT_INVAL_DATA (Linux 5.2). */
#define MINOR_MIN 31
/* We speak it up to here; what is newer the kernel leaves out. */
#define MINOR_MAX 40
#define PAGE_BYTES 4096

void answer_with(struct answer *answer, uint64_t unique, size_t length) {
  answer->header = (struct fuse_out_header){.len = (uint32_t)(sizeof answer->header + length), .unique = unique};
}

void answer_error(struct answer *answer, uint64_t unique, int error) {
  answer->header = (struct fuse_out_header){.len = sizeof answer->header, .error = -error, .unique = unique};
}

void answer_init(struct answer *answer, const struct request *request, struct features allowed,
                 struct features *agreed) {
  uint64_t wanted = FUSE_INIT_EXT | FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES |
                    FUSE_NO_OPENDIR_SUPPORT | FUSE_EXPLICIT_INVAL_DATA;
  if (allowed.passthrough) wanted |= INIT_PASSTHROUGH;
  if (allowed.resend) wanted |= INIT_HAS_RESEND;
  uint64_t flags = wanted & request->init.flags;
  uint32_t minor = request->init.minor;
  *agreed = (struct features){.passthrough = flags & INIT_PASSTHROUGH, .resend = flags & INIT_HAS_RESEND};
  if (minor < MINOR_MIN) return answer_error(answer, request->unique, EPROTO);
  answer->body.init = (struct init_answer){
      .major = FUSE_KERNEL_VERSION,
      .minor = minor < MINOR_MAX ? minor : MINOR_MAX,
      .max_readahead = request->init.max_readahead,
      .flags = (uint32_t)flags,
      .flags2 = (uint32_t)(flags >> 32),
      .max_background = 1024,
      .congestion_threshold = 768,
      .max_write = PAGE_BYTES,
      .time_granularity_ns = 1,
      .max_pages = READ_MAX_BYTES / PAGE_BYTES,
      .max_stack_depth = agreed->passthrough ? 1 : 0,
  };
  answer_with(answer, request->unique, sizeof answer->body.init);
}

static void answer_lookup(struct answer *answer, const struct tree *tree, const struct request *request) {
  uint64_t node = tree_lookup(tree, request->node, request->lookup.name, request->lookup.length);
  /* Node 0 says that there is nothing of the name, and that the kernel may remember it. */
  struct fuse_entry_out entry = {.nodeid = node, .entry_valid = FOREVER_SECONDS, .attr_valid = FOREVER_SECONDS};
  if (node) tree_attributes(tree, node, &entry.attr);
  answer->body.entry = entry;
  answer_with(answer, request->unique, sizeof entry);
}

static void answer_getattr(struct answer *answer, const struct tree *tree, const struct request *request) {
  struct fuse_attr_out out = {.attr_valid = FOREVER_SECONDS};
  if (!tree_attributes(tree, request->node, &out.attr)) return answer_error(answer, request->unique, ESTALE);
  answer->body.attributes = out;
  answer_with(answer, request->unique, sizeof out);
}

static void answer_readdir(struct answer *answer, const struct tree *tree, const struct request *request) {
  size_t room = request->read.size < ANSWER_BODY_MAX ? request->read.size : ANSWER_BODY_MAX;
  ptrdiff_t used = tree_entries(tree, request->node, request->read.offset, answer->body.bytes, room);
  if (used < 0) return answer_error(answer, request->unique, ENOTDIR);
  answer_with(answer, request->unique, (size_t)used);
}

static void answer_statfs(struct answer *answer, const struct request *request) {
  struct fuse_kstatfs statistics = {.bsize = PAGE_BYTES, .frsize = PAGE_BYTES, .namelen = 255};
  answer->body.statistics = (struct fuse_statfs_out){.st = statistics};
  answer_with(answer, request->unique, sizeof answer->body.statistics);
}

enum work answer_request(struct answer *answer, const struct tree *tree, const struct request *request) {
  uint32_t content;
  bool of_content = tree_content(tree, request->node, &content);
  switch (request->opcode) {
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET: return WORK_NOTHING; /* nothing is remembered of what the kernel looked up */
    case FUSE_INTERRUPT: return WORK_INTERRUPT;
    case FUSE_LOOKUP: answer_lookup(answer, tree, request); break;
    case FUSE_GETATTR: answer_getattr(answer, tree, request); break;
    case FUSE_READDIR: answer_readdir(answer, tree, request); break;
    case FUSE_STATFS: answer_statfs(answer, request); break;
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_DESTROY: answer_with(answer, request->unique, 0); break;
    case FUSE_OPEN:
      if (of_content) return WORK_OPEN;
      answer_error(answer, request->unique, ESTALE);
      break;
    case FUSE_READ:
      if (of_content) return WORK_READ;
      answer_error(answer, request->unique, ESTALE);
      break;
    case FUSE_LSEEK:
      if (of_content) return WORK_LSEEK;
      answer_error(answer, request->unique, ESTALE);
      break;
    /* Never asked again: the kernel then does without, or by its own means (default_permissions). */
    default: answer_error(answer, request->unique, ENOSYS);
  }
  return WORK_ANSWERED;
}
