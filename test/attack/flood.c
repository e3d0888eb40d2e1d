/* flood SOCKET IDS CONNECTIONS: as each of so many ids holds so many connections, each with half a message; says so, and waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void hold(const struct sockaddr_un *address, unsigned id, int connections) {
  if (setgid(id) < 0 || setuid(id) < 0) exit(1);
  for (int i = 0; i < connections; i++) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) exit(1);
    /* Who is refused is told so, and hung up on. */
    send(fd, "\1", 1, MSG_NOSIGNAL);
  }
}

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int done[2];
  if (argc != 4 || pipe(done) < 0) return 2;
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  for (int id = 0; id < atoi(argv[2]); id++) {
    if (fork() > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    hold(&address, (unsigned)id, atoi(argv[3]));
    if (write(done[1], "x", 1) != 1) return 1;
    pause();
  }
  char one;
  for (int id = 0; id < atoi(argv[2]); id++)
    if (read(done[0], &one, 1) != 1) return 1;
  puts("held");
  fflush(stdout);
  while (read(0, &one, 1) > 0) {}
  return 0;
}
