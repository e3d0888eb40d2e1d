/* Ways of attacker.c that ask somebody for something, in another's name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attacker.h"

/* PID 1 of another user's environment is asked to run something, with this program's own streams. */
void try_socket(char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0), answers[2];
  if (chdir(argv[0]) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, answers) < 0) return;
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return;
  static const char REQUEST[] = "enter\0default\0root\0" "0\0" "0\0/\0" "3\0sh\0-c\0echo GAINED another user";
  unsigned char bytes[4 + sizeof REQUEST] = {sizeof REQUEST & 255, sizeof REQUEST >> 8};
  memcpy(bytes + 4, REQUEST, sizeof REQUEST);
  int fds[] = {answers[1], 0, 1, 2};
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof fds)];
  } control = {0};
  struct iovec data = {bytes, sizeof bytes};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *part = CMSG_FIRSTHDR(&header);
  *part = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fds)};
  memcpy(CMSG_DATA(part), fds, sizeof fds);
  if (sendmsg(fd, &header, 0) < 0) return;
  char answer[512];
  while (read(answers[0], answer, sizeof answer) > 0 && !memmem(answer, sizeof answer, "exited", 6)) {}
}

/* A request in somebody else's name. */
void try_forge(char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(address.sun_path, argv[0], sizeof address.sun_path - 1);
  char body[64];
  int size = snprintf(body, sizeof body, "user=%s%clist", argv[1], 0) + 1;
  unsigned char head[4] = {(unsigned char)size};
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return;
  if (write(fd, head, 4) != 4 || write(fd, body, (size_t)size) != size) return;
  char answer[4096];
  for (ssize_t got; (got = read(fd, answer, sizeof answer)) > 0;)
    if (memmem(answer, (size_t)got, "environment", 11) && !memmem(answer, (size_t)got, "error", 5)) gained("another's list");
}

/* To a service of root's that any process of the network namespace reaches: as root, by the kernel's word and by one's own. */
void try_claim(char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int size = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", argv[0]);
  struct ucred root = {.pid = getpid()};
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof root)];
  } control = {0};
  struct iovec data = {"x", 1};
  for (int with_claim = 0; with_claim < 2; with_claim++) {
    struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char answer[8] = "";
    if (connect(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)size)) < 0) continue;
    if (with_claim) {
      header.msg_control = control.bytes;
      header.msg_controllen = sizeof control.bytes;
      struct cmsghdr *part = CMSG_FIRSTHDR(&header);
      *part = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS, .cmsg_len = CMSG_LEN(sizeof root)};
      memcpy(CMSG_DATA(part), &root, sizeof root);
    }
    if (sendmsg(fd, &header, MSG_NOSIGNAL) == 1 && read(fd, answer, sizeof answer - 1) > 0) printf("heard as %s\n", answer);
    if (strcmp(answer, "root") == 0) gained("root's name");
    close(fd);
  }
}
