/* What changes names: renames, links, removals, and what overlays make of directories. */
#include "operations.h"
#include <sys/socket.h>
#include <sys/un.h>

static void rename_file(void) {
  TRY(rename("file", "moved"));
  TRY(access("file", F_OK));
  show("moved");
  TRY(rename("other", "below/moved"));
  show("below/moved");
  TRY(rename("nothing", "x"));
  TRY(rename("symlink", "moved-link"));
  TRY(rename("script", "opaque/script"));
  show("opaque/script");
}

static void rename_over(void) {
  int old = open("other", O_RDONLY);
  TRY(rename("file", "other"));
  show("other");
  show_fd("the old one", old);
  TRY(rename("empty", "hard-1"));
  show("hard-1");
  show("hard-2");
  TRY(rename("script", "below"));
  TRY(rename("below", "script"));
}

static void rename_flags(void) {
  TRY(renameat2(AT_FDCWD, "file", AT_FDCWD, "other", RENAME_NOREPLACE));
  TRY(renameat2(AT_FDCWD, "file", AT_FDCWD, "other", RENAME_EXCHANGE));
  show("file");
  show("other");
  TRY(renameat2(AT_FDCWD, "below", AT_FDCWD, "script", RENAME_EXCHANGE));
  show("below");
  show("script/inner");
  TRY(renameat2(AT_FDCWD, "program", AT_FDCWD, "gone", RENAME_WHITEOUT));
}

static void rename_directory(void) {
  TRY(rename("below", "moved"));
  show("moved/inner");
  TRY(rename("merged", "moved-merged"));
  list("moved-merged");
  show("moved-merged/layer");
  show("moved-merged/node");
  TRY(rename("moved", "opaque"));
  TRY(mkdir("fresh", 0755));
  TRY(rename("moved", "fresh"));
  show("fresh/inner");
}

static void link_file(void) {
  TRY(link("file", "linked"));
  show("linked");
  TRY(link("file", "other"));
  TRY(linkat(AT_FDCWD, "symlink", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
  TRY(linkat(AT_FDCWD, "symlink", AT_FDCWD, "not-followed", 0));
  TRY(link("below", "x"));
  int fd = open("linked", O_WRONLY | O_APPEND);
  write_all(fd, "more");
  close(fd);
  show("file");
  show("followed");
}

static void hardlinks(void) {
  show("hard-1");
  int fd = open("hard-1", O_RDWR | O_APPEND);
  write_all(fd, "more");
  close(fd);
  show("hard-1");
  show("hard-2");
  TRY(unlink("hard-1"));
  show("hard-2");
  TRY(link("hard-2", "hard-3"));
  show("hard-3");
}

static void remove_file(void) {
  TRY(unlink("file"));
  TRY(unlink("file"));
  show("file");
  TRY(unlink("symlink"));
  TRY(unlink("hard-1"));
  show("hard-2");
  TRY(unlink("below"));
  TRY(rmdir("below"));
  TRY(unlink("theirs"));
  list(".");
  int fd = open("file", O_WRONLY | O_CREAT | O_EXCL, 0600);
  write_all(fd, "again");
  close(fd);
  show("file");
}

static void remove_open(void) {
  int fd = open("file", O_RDONLY), writing = open("other", O_RDWR);
  struct stat stat;
  TRY(unlink("file"));
  TRY(unlink("other"));
  fstat(fd, &stat);
  say("links %lu", (unsigned long)stat.st_nlink);
  write_all(writing, "to nobody");
  lseek(writing, 0, SEEK_SET);
  show_fd("removed", fd);
  show_fd("removed and written", writing);
}

static void whiteouts(void) {
  struct stat stat_buffer;
  TRY(stat("hidden", &stat_buffer));
  TRY(unlink("hidden"));
  TRY(open("hidden-directory/old", O_RDONLY));
  int fd = open("hidden", O_WRONLY | O_CREAT | O_EXCL, 0644);
  write_all(fd, "new");
  close(fd);
  show("hidden");
  TRY(unlink("hidden"));
  TRY(mkdir("hidden-directory", 0755));
  list("hidden-directory");
  TRY(rmdir("hidden-directory"));
  TRY(rename("file", "hidden"));
  show("hidden");
  list(".");
}

static void opaque(void) {
  list("opaque");
  TRY(access("opaque/old", F_OK));
  show("opaque/new");
  int fd = open("opaque/old", O_WRONLY | O_CREAT | O_EXCL, 0644);
  close(fd);
  show("opaque/old");
  TRY(rmdir("opaque"));
  TRY(unlink("opaque/old"));
  TRY(unlink("opaque/new"));
  TRY(rmdir("opaque"));
  TRY(mkdir("opaque", 0700));
  list("opaque");
}

static void merged(void) {
  list("merged");
  show("merged/node");
  show("merged/layer");
  show("replaced");
  TRY(unlink("merged/node"));
  TRY(rename("merged/layer", "merged/node"));
  show("merged/node");
  list("merged");
  TRY(rmdir("merged"));
  TRY(unlink("merged/node"));
  TRY(rmdir("merged"));
  show("merged");
}

static void make(void) {
  TRY(mkdir("made", 02755));
  show("made");
  TRY(mkdir("made", 0755));
  TRY(mkfifo("made/fifo", 0600));
  show("made/fifo");
  TRY(mknod("made/device", S_IFCHR | 0600, 0));
  TRY(symlink("../file", "made/symlink"));
  show_fd("through", open("made/symlink", O_RDONLY));
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "made/socket"};
  TRY(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
  int fd = open("made", O_TMPFILE | O_RDWR, 0600);
  TRY(fd);
  char name[32];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  TRY(linkat(AT_FDCWD, name, AT_FDCWD, "made/unnamed", AT_SYMLINK_FOLLOW));
  list("made");
  TRY(mkdir("file/x", 0755));
}

const struct operation naming[] = {
  {"rename", rename_file},
  {"rename over a file", rename_over},
  {"renameat2: no replacing, exchange, whiteout", rename_flags},
  {"rename of directories", rename_directory},
  {"link", link_file},
  {"hardlinks of the layer", hardlinks},
  {"unlink", remove_file},
  {"unlink of an open file", remove_open},
  {"whiteouts", whiteouts},
  {"opaque directories", opaque},
  {"merged and replaced directories", merged},
  {"mkdir, mkfifo, mknod, bind, O_TMPFILE", make},
  {0},
};
