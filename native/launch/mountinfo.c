#include "mountinfo.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "launch.h"
#include "report.h"

/* proc_pid_mountinfo(5): blanks, tabs, newlines and backslashes stand as \ooo. In place. */
static void unescape(char *path) {
  char *to = path;
  for (const char *from = path; *from; to++) {
    if (from[0] == '\\' && from[1] && from[2] && from[3]) {
      *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
      from += 4;
    } else {
      *to = *from++;
    }
  }
  *to = '\0';
}

/* Another mount may lie on it or on a directory above: then the path leads elsewhere. */
static bool is_visible(const char *path, uint64_t id) {
  struct statx found;
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (statx(AT_FDCWD, path, flags, STATX_MNT_ID, &found) < 0) return false;
  return (found.stx_mask & STATX_MNT_ID) && found.stx_mnt_id == id;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime …": the id and the fifth field, or NULL. */
static char *parse_line(char *line, uint64_t *id) {
  char *rest = line, *field = NULL;
  for (int i = 0; i < 5; i++) {
    field = strsep(&rest, " ");
    if (!field) return NULL;
    if (i == 0) *id = strtoull(field, NULL, 10);
  }
  unescape(field);
  return field;
}

static void close_file(FILE **file) { fclose(*file); }

void mountinfo_each(bool (*skip)(const void *context, const char *path),
                    void (*visit)(void *context, const char *path), void *context) {
  FILE *file __attribute__((cleanup(close_file))) = fopen("/proc/self/mountinfo", "re");
  if (!file) fail("read the node's mounts", "/proc/self/mountinfo");
  AUTO_FREE char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, file) > 0) {
    uint64_t id;
    const char *path = parse_line(line, &id);
    if (!path || strcmp(path, "/") == 0 || skip(context, path)) continue;
    if (is_visible(path, id)) visit(context, path);
  }
}
