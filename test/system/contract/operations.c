/* Runs the operations, each in a process and a directory of its own: DIRECTORY [PLACE]; or lists them: --list. */
#include "operations.h"
#include <time.h>

#define OPERATION_MAX_SECONDS 15

static char line[1 << 16];
static size_t length;
static const struct operation *const groups[] = {reading, opening, naming, changing, processes};

void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (length > 0 && length < sizeof line - 2) length += (size_t)sprintf(line + length, "; ");
  int more = vsnprintf(line + length, sizeof line - length, format, arguments);
  va_end(arguments);
  length += (size_t)more;
  if (length >= sizeof line) length = sizeof line - 1;
}

const char *outcome(long result) { return result == -1 ? strerror(errno) : "ok"; }

uint64_t digest(uint64_t before, const void *bytes, size_t count) {
  const unsigned char *byte = bytes;
  for (size_t i = 0; i < count; i++) before = (before ^ byte[i]) * 0x100000001b3u; // FNV-1a
  return before;
}

void show_fd(const char *what, int fd) {
  if (fd < 0) {
    say("%s: %s", what, strerror(errno));
    return;
  }
  static __thread char bytes[65536];
  uint64_t sum = 0xcbf29ce484222325u;
  ssize_t got, all = 0;
  while ((got = read(fd, bytes, sizeof bytes)) > 0) {
    sum = digest(sum, bytes, (size_t)got);
    all += got;
  }
  if (got < 0) say("%s: read: %s", what, strerror(errno));
  else say("%s: %zd bytes %016lx", what, all, (unsigned long)sum);
  close(fd);
}

void show(const char *path) {
  struct stat stat;
  if (lstat(path, &stat)) {
    say("%s: %s", path, strerror(errno));
    return;
  }
  long age = time(NULL) - stat.st_mtime;
  say("%s: %o links %lu size %ld owner %u:%u time %s", path, stat.st_mode, (unsigned long)stat.st_nlink,
      S_ISDIR(stat.st_mode) ? 0L : (long)stat.st_size, stat.st_uid, stat.st_gid, age > 600 ? "old" : "new");
  if (age > 600) say("%ld.%09ld", (long)stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec);
  if (S_ISREG(stat.st_mode)) show_fd("content", open(path, O_RDONLY));
}

void write_all(int fd, const char *text) { say("write %zd", write(fd, text, strlen(text))); }

void list(const char *path) {
  struct dirent **entries;
  int count = scandir(path, &entries, NULL, alphasort);
  say("list %s: %d", path, count);
  for (int i = 0; i < count; i++) {
    say("%s/%d", entries[i]->d_name, entries[i]->d_type);
    free(entries[i]);
  }
  if (count >= 0) free(entries);
}

void show_end(const char *what, int pid) {
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) < 0) say("%s: %s", what, strerror(errno));
  else if (WIFSIGNALED(status)) say("%s: signal %d", what, WTERMSIG(status));
  else say("%s: exit %d", what, WEXITSTATUS(status));
}

/* By its place in the list, which is its directory's name. */
static int run_here(const char *place) {
  long at = atol(place);
  for (size_t group = 0; group < sizeof groups / sizeof *groups; group++)
    for (const struct operation *each = groups[group]; each->name; each++)
      if (at-- == 0) {
        alarm(OPERATION_MAX_SECONDS);
        umask(022);
        each->run();
        dprintf(STDOUT_FILENO, "%s\t%s\n", place, line);
        return 0;
      }
  return 1;
}

static void run_apart(const char *program, const char *directory, int place) {
  char name[16];
  sprintf(name, "%d", place);
  pid_t pid = fork();
  if (pid == 0) {
    if (chdir(directory) || chdir(name)) _exit(1);
    execl(program, program, directory, name, NULL);
    _exit(1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) dprintf(STDOUT_FILENO, "%s\tended with %x\n", name, (unsigned)status);
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count == 3) return run_here(arguments[2]);
  int place = 0;
  bool listing = count < 2 || strcmp(arguments[1], "--list") == 0;
  for (size_t group = 0; group < sizeof groups / sizeof *groups; group++)
    for (const struct operation *each = groups[group]; each->name; each++)
      if (listing) puts(each->name);
      else run_apart(arguments[0], arguments[1], place++);
  return 0;
}
