/*
 * inside DIRECTORY COUNT: walks the files of a directory, up to COUNT, twice; prints how many a second it has looked at (stat) and
 * how many small ones opened, read and closed, of the second time.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX 200000
#define SMALL 16384

static char *paths[MAX];
static int count, wanted;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int visit(const char *path, const struct stat *found, int type, struct FTW *at) {
  (void)at;
  if (type == FTW_F && found->st_size > 0 && found->st_size <= SMALL && count < wanted) paths[count++] = strdup(path);
  return count >= wanted;
}

int main(int argc, char **argv) {
  static char bytes[SMALL];
  if (argc != 3) return 2;
  wanted = atoi(argv[2]) < MAX ? atoi(argv[2]) : MAX;
  nftw(argv[1], visit, 64, FTW_PHYS);
  double stats = 0, reads = 0;
  for (int round = 0; round < 2; round++) {
    struct stat found;
    double began = now();
    for (int i = 0; i < count; i++)
      if (stat(paths[i], &found) < 0) return 1;
    stats = count / (now() - began);
    began = now();
    for (int i = 0; i < count; i++) {
      int fd = open(paths[i], O_RDONLY);
      if (fd < 0) continue;
      while (read(fd, bytes, sizeof bytes) > 0) {}
      close(fd);
    }
    reads = count / (now() - began);
  }
  printf("%.0f %.0f\n", stats, reads);
  return 0;
}
