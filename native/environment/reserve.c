#include "reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "message.h"
#include "places.h"

/* Some times what Linux 6.18 takes: three names, and two blocks for directories. */
#define RESERVE_FILES 16
#define RESERVE_BYTES (256 << 10)

static void reserve_file(char *path, const char *directory, int number) {
  path_print(path, PATH_SIZE, "%s/" RESERVE "/%d", directory, number);
}

static bool is_short(const char *directory) {
  struct statvfs found;
  return statvfs(directory, &found) == 0 && (found.f_ffree < RESERVE_FILES || found.f_bavail * found.f_frsize < RESERVE_BYTES);
}

void reserve_lend(const char *directory) {
  char path[PATH_SIZE];
  if (!is_short(directory)) return;
  for (int number = RESERVE_FILES; number-- > 0;) {
    reserve_file(path, directory, number);
    unlink(path);
  }
}

/* The bytes are the first one's; with the last one it is whole. */
void reserve_keep(const char *directory) {
  char path[PATH_SIZE];
  reserve_file(path, directory, RESERVE_FILES - 1);
  if (access(path, F_OK) == 0) return;
  path_print(path, PATH_SIZE, "%s/" RESERVE, directory);
  if (mkdir(path, 0700) < 0 && errno != EEXIST) return;
  for (int number = 0; number < RESERVE_FILES; number++) {
    reserve_file(path, directory, number);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || (number == 0 && posix_fallocate(fd, 0, RESERVE_BYTES) != 0)) return;
  }
}
