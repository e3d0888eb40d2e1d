/*
 * judge NAME: a service of the node's root at the abstract socket NAME, which any process of its network namespace reaches. It asks
 * the kernel who has come, by SO_PEERCRED and by SCM_CREDENTIALS, and answers "root" when either says so.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int is_root_by_message(int connection) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
  } control = {0};
  char byte;
  struct iovec data = {&byte, 1};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  if (recvmsg(connection, &header, 0) != 1) return 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
    struct ucred who;
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
    memcpy(&who, CMSG_DATA(part), sizeof who);
    return who.uid == 0;
  }
  return 0;
}

int main(int count, char **arguments) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (count != 2) return 2;
  int size = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", arguments[1]);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), on = 1;
  if (bind(listener, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)size)) < 0) return 1;
  if (listen(listener, 8) < 0 || setsockopt(listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) return 1;
  puts("ready");
  fflush(stdout);
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (connection < 0) continue;
    int by_message = is_root_by_message(connection);
    int by_peer = getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == 0;
    const char *answer = by_message || by_peer ? "root" : "user";
    if (write(connection, answer, 4) != 4) perror("judge");
    close(connection);
  }
}
