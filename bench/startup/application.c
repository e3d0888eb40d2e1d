/*
 * What an application's start is taken by: the node's name and the time when its first instruction runs, on standard output;
 * then it becomes a program in Python that needs what the environment has, and says when that is done.
 *
 *   application PROGRAM
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments) {
  struct timespec now;
  char host[256] = "";
  clock_gettime(CLOCK_REALTIME, &now);
  gethostname(host, sizeof host - 1);
  printf("%s first %lld\n", host, (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
  fflush(stdout);
  if (count < 2) return 2;
  execl("/usr/bin/python3", "python3", "-c", arguments[1], (char *)NULL);
  perror("python3");
  return 127;
}
