/*
 * What measures, inside an environment: one command a line on standard input, one number a line on standard output.
 *
 *   read FILE               sequentially, 1 MiB at a time: bytes a second
 *   map FILE                one byte of each page of a mapping: bytes a second
 *   open DIR DIRS FILES     opens, reads and closes DIR/dD/fF, each once: files a second
 *   stat DIR DIRS FILES     entries a second
 *   list DIR DIRS FILES     reads the directories: entries a second
 *   walk DIR DIRS FILES     reads the directories and stats what is in them, as ls -l and find do: entries a second
 *   prime DIR DIRS FILES    opens and closes each, 8 at a time; 0
 *   touch FILE              opens and closes it; 0
 *   block COUNT FILE        COUNT processes open FILE, from now on; 0
 *   join                    their number, when all have opened it
 * A rate is that of the median piece, of 4 MiB or one directory: what takes the processor away for a while does not
 * show in it. A command that fails ends the program, with what it met on standard error. As root, outside:
 *   client remount DIR      remounts a file system as it is, upon which the kernel forgets its unused names
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, PAGE = 4096, PIECE = 4 << 20, PIECES_MAX = 4096, TOGETHER = 8 };

struct tree {
  const char *root;
  int directories, files;
};

static char buffer[BUFFER];

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Work in pieces, one after the other, that are alike. */
static struct {
  double begun, took[PIECES_MAX];
  int count;
} pieces;

static void begin_pieces(void) {
  pieces.count = 0;
  pieces.begun = now();
}

static void end_piece(void) {
  double at = now();
  if (pieces.count < PIECES_MAX) pieces.took[pieces.count++] = at - pieces.begun;
  pieces.begun = now();
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static double rate_of_pieces(double each) {
  qsort(pieces.took, (size_t)pieces.count, sizeof *pieces.took, compare);
  return each / pieces.took[pieces.count / 2];
}

static void fail(const char *path) {
  perror(path);
  exit(1);
}

static int must_open(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path);
  return fd;
}

static void read_all(const char *path, int in_pieces) {
  int fd = must_open(path);
  long sum = 0;
  ssize_t bytes;
  while ((bytes = read(fd, buffer, BUFFER)) > 0) {
    sum += bytes;
    if (in_pieces && sum % PIECE == 0) end_piece();
  }
  if (bytes < 0) fail(path);
  close(fd);
}

static double read_file(const char *path) {
  begin_pieces();
  read_all(path, 1);
  return rate_of_pieces(PIECE);
}

static double map_file(const char *path) {
  begin_pieces();
  int fd = must_open(path);
  struct stat found;
  if (fstat(fd, &found) < 0) fail(path);
  size_t size = (size_t)found.st_size;
  volatile const char *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) fail(path);
  for (size_t offset = 0; offset < size; offset += PAGE) {
    (void)at[offset];
    if ((offset + PAGE) % PIECE == 0) end_piece();
  }
  munmap((void *)at, size);
  close(fd);
  return rate_of_pieces(PIECE);
}

/* Calls `visit` with each file's path, a piece for each directory. */
static void each_file(const struct tree *tree, int from, int step, void (*visit)(const char *), int in_pieces) {
  char path[PATH_MAX];
  for (int directory = from; directory < tree->directories; directory += step) {
    for (int file = 0; file < tree->files; file++) {
      snprintf(path, sizeof path, "%s/d%d/f%d", tree->root, directory, file);
      visit(path);
    }
    if (in_pieces) end_piece();
  }
}

static double rate_of(const struct tree *tree, void (*visit)(const char *)) {
  begin_pieces();
  each_file(tree, 0, 1, visit, 1);
  return rate_of_pieces(tree->files);
}

static void visit_open(const char *path) { read_all(path, 0); }

static void visit_stat(const char *path) {
  struct stat found;
  if (lstat(path, &found) < 0) fail(path);
}

static void visit_touch(const char *path) { close(must_open(path)); }

static double list(const struct tree *tree, int with_stat) {
  char path[PATH_MAX];
  struct stat found;
  begin_pieces();
  for (int directory = 0; directory < tree->directories; directory++) {
    snprintf(path, sizeof path, "%s/d%d", tree->root, directory);
    DIR *stream = opendir(path);
    if (!stream) fail(path);
    for (struct dirent *entry; (entry = readdir(stream));)
      if (with_stat && fstatat(dirfd(stream), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) < 0) fail(path);
    closedir(stream);
    end_piece();
  }
  return rate_of_pieces(tree->files);
}

struct part {
  const struct tree *tree;
  int from;
};

static void *prime_part(void *argument) {
  const struct part *part = argument;
  each_file(part->tree, part->from, TOGETHER, visit_touch, 0);
  return NULL;
}

static void prime(const struct tree *tree) {
  pthread_t threads[TOGETHER];
  struct part parts[TOGETHER];
  for (int i = 0; i < TOGETHER; i++) {
    parts[i] = (struct part){tree, i};
    if (pthread_create(&threads[i], NULL, prime_part, &parts[i])) fail("pthread_create");
  }
  for (int i = 0; i < TOGETHER; i++) pthread_join(threads[i], NULL);
}

static void block(int count, const char *path) {
  for (; count > 0; count--) {
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid > 0) continue;
    must_open(path);
    _exit(0);
  }
}

static double join(void) {
  int status, opened = 0;
  while (wait(&status) > 0) opened += status == 0;
  return opened;
}

static double obey(const char *what, const char *first, const char *second, const struct tree *tree) {
  if (!strcmp(what, "read")) return read_file(first);
  if (!strcmp(what, "map")) return map_file(first);
  if (!strcmp(what, "open")) return rate_of(tree, visit_open);
  if (!strcmp(what, "stat")) return rate_of(tree, visit_stat);
  if (!strcmp(what, "list")) return list(tree, 0);
  if (!strcmp(what, "walk")) return list(tree, 1);
  if (!strcmp(what, "prime")) return prime(tree), 0;
  if (!strcmp(what, "touch")) return visit_touch(first), 0;
  if (!strcmp(what, "block")) return block(atoi(first), second), 0;
  if (!strcmp(what, "join")) return join();
  fprintf(stderr, "no command '%s'\n", what);
  exit(2);
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "remount")) {
    if (mount(NULL, argv[2], NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, NULL) < 0) fail(argv[2]);
    return 0;
  }
  char line[PATH_MAX * 2], what[16], first[PATH_MAX], second[PATH_MAX];
  while (fgets(line, sizeof line, stdin)) {
    *first = *second = 0;
    struct tree tree = {.root = first};
    if (sscanf(line, "%15s %4095s %4095s %d", what, first, second, &tree.files) < 1) continue;
    tree.directories = atoi(second);
    /* So that its pages are there before the first read. */
    memset(buffer, 1, sizeof buffer);
    printf("%.3f\n", obey(what, first, second, &tree));
    fflush(stdout);
  }
  return 0;
}
