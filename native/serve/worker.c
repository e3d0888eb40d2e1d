#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "contents.h"
#include "device.h"
#include "opens.h"
#include "request.h"
#include "serve.h"
#include "server.h"

#define WORKERS 4
/* No request is as long: names have 255 bytes at most, and nothing is written. The kernel wants 8 KiB. */
#define REQUEST_MAX_BYTES (16 << 10)

struct buffers {
  char request[REQUEST_MAX_BYTES];
  struct answer answer;
  char read[READ_MAX_BYTES];
};

static void serve(struct server *server, struct buffers *buffers, size_t length) {
  struct request request;
  int error = request_parse(buffers->request, length, &request);
  if (error < 0) return;
  if (error) return device_error(request.unique, error);
  uint32_t content = 0;
  tree_content(&server->shared.tree, request.node, &content);
  switch (answer_request(&buffers->answer, &server->shared.tree, &request)) {
    case WORK_NOTHING: return;
    case WORK_ANSWERED:
      /* Of contents: names that overlayfs asks for in vain are nothing to count. */
      if (request.opcode == FUSE_LOOKUP && buffers->answer.body.entry.nodeid >= NODE_FIRST_CONTENT)
        server_count(server, COUNT_LOOKUPS, 1);
      return device_write(&buffers->answer);
    case WORK_OPEN: return opens_begin(server, &request, content);
    case WORK_READ: return contents_answer_read(server, &request, content, buffers->read);
    case WORK_LSEEK: return contents_answer_lseek(&request, content);
    case WORK_INTERRUPT: return opens_interrupted(server, request.interrupt.unique);
  }
}

static void *work(void *argument) {
  struct server *server = argument;
  /* Pages of it that nobody uses cost nothing: reads come here only without passthrough. */
  struct buffers *buffers = malloc(sizeof *buffers);
  if (!buffers) abort();
  for (;;) {
    ssize_t length = read(FD_FUSE, buffers->request, sizeof buffers->request);
    if (length >= 0) {
      serve(server, buffers, (size_t)length);
      continue;
    }
    /* ENOENT: what was to be read has been taken back. */
    if (errno == EINTR || errno == EAGAIN || errno == ENOENT) continue;
    if (errno != ENODEV && errno != ECONNABORTED) abort(); /* another server may do better */
    server_end(server); /* the mount is gone */
    free(buffers);
    return NULL;
  }
}

void workers_start(struct server *server) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  for (int i = 0; i < WORKERS; i++) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, work, server)) abort();
  }
  pthread_attr_destroy(&attributes);
}
