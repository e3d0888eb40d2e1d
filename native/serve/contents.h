/* Contents that have arrived: their files, and handing them to the kernel. */
#ifndef TEES_SERVE_CONTENTS_H
#define TEES_SERVE_CONTENTS_H

#include "server.h"

bool contents_is_here(uint32_t content);
/* A descriptor to read from, or -errno: -ENOENT while it has not arrived. */
int contents_open(uint32_t content);
/*
 * Answers an open of what has arrived: with passthrough where the kernel and the store's file system can, so that reads
 * and mappings are the file's own and no byte is cached twice. Returns 0, or ENOENT and nothing is answered.
 */
int contents_answer_open(struct server *server, uint64_t unique, uint32_t content);
void contents_answer_read(struct server *server, const struct request *request, uint32_t content, void *buffer);
void contents_answer_lseek(const struct request *request, uint32_t content);

#endif
