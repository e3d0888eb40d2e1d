/* The entry: see serve.h. */
#include "serve.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "device.h"
#include "pair.h"
#include "probe.h"
#include "server.h"
#include "setup.h"

/* Nobody but SIGKILL ends the pair: it goes when its job goes. */
static void ignore_signals(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN); /* and nobody reaps what the other was */
}

static void keep_descriptors(void) {
  for (int fd = FD_FUSE; fd < FD_PASSED_MAX; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void serve(void) {
  static struct server server;
  server_init(&server);
  device_resend();
  workers_start(&server);
  control_run(&server);
}

int main(int argc, char **argv) {
  ignore_signals();
  if (argc == 1) return setup_run();
  if (argc == 3 && strcmp(argv[1], "probe") == 0) return probe_run(argv[2]);
  keep_descriptors();
  if (argc == 2 && strcmp(argv[1], "again") == 0) return setup_again();
  if (argc == 2 && strcmp(argv[1], ROLE_KEEPER) == 0) {
    prctl(PR_SET_NAME, "tees-keep", 0, 0, 0);
    keeper_run();
  }
  if (argc == 2 && strcmp(argv[1], ROLE_SERVER) == 0) {
    prctl(PR_SET_NAME, "tees-serve", 0, 0, 0);
    serve();
  }
  fprintf(stderr, "tees-serve: started by the daemon of a node, in a job's directory: see setup.h\n");
  return 2;
}
