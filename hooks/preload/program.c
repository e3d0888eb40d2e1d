/*
 * What executing a file will bring: the kernel follows `#!` lines and PT_INTERP, and the shim gets into the new
 * program when glibc's loader of this very machine starts it. Whatever else it is waits until all has arrived.
 * System calls only, so that it may run in a child of vfork.
 */
#include <elf.h>
#include <string.h>

#include "kernel.h"
#include "shim.h"

/* As the kernel's own: fs/binfmt_script.c, fs/binfmt_elf.c. */
#define HEAD_BYTES 256
#define SCRIPTS_MAX 6
#define PROGRAM_HEADERS_MAX 64
#define INTERPRETER_MAX 4096
#define NOTES_BYTES 1024

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define LOADER "ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define LOADER "ld-linux-aarch64.so.1"
#endif

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), wanted = strlen(end);
  return length >= wanted && memcmp(text + length - wanted, end, wanted) == 0;
}

/* A Go program has a note of that owner, and calls the kernel itself even when it is linked to the C library. */
static bool is_go(int fd, const Elf64_Phdr *note) {
  _Alignas(4) unsigned char bytes[NOTES_BYTES];
  long got = kernel_pread(fd, bytes, sizeof bytes, (long)note->p_offset);
  for (long at = 0; at + 16 <= got && at + 16 <= (long)note->p_filesz;) {
    Elf64_Nhdr header;
    memcpy(&header, bytes + at, sizeof header);
    if (header.n_namesz == 4 && memcmp(bytes + at + sizeof header, "Go\0", 4) == 0) return true;
    uint64_t size = sizeof header + (((uint64_t)header.n_namesz + 3) & ~3ull) + (((uint64_t)header.n_descsz + 3) & ~3ull);
    if (size > NOTES_BYTES) return false;
    at += (long)size;
  }
  return false;
}

/* Waits for the loader too. */
static enum tees_reason examine_loader(int fd, const Elf64_Phdr *interpreter) {
  char path[INTERPRETER_MAX];
  if (interpreter->p_filesz < 2 || interpreter->p_filesz > sizeof path) return TEES_FOREIGN;
  long got = kernel_pread(fd, path, interpreter->p_filesz, (long)interpreter->p_offset);
  if (got != (long)interpreter->p_filesz || path[got - 1]) return TEES_FOREIGN;
  int loader = open_awaited(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (loader >= 0) kernel_close(loader);
  return ends_with(path, "/" LOADER) ? 0 : TEES_FOREIGN;
}

static enum tees_reason examine_elf(int fd, const Elf64_Ehdr *header) {
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != MACHINE) return TEES_MACHINE;
  if (header->e_phentsize != sizeof(Elf64_Phdr)) return TEES_FOREIGN;
  enum tees_reason reason = TEES_STATIC;
  bool go = false;
  for (int i = 0; i < header->e_phnum && i < PROGRAM_HEADERS_MAX; i++) {
    Elf64_Phdr program;
    if (kernel_pread(fd, &program, sizeof program, (long)(header->e_phoff + (size_t)i * sizeof program)) != sizeof program)
      break;
    if (program.p_type == PT_INTERP) reason = examine_loader(fd, &program);
    if (program.p_type == PT_NOTE && is_go(fd, &program)) go = true;
  }
  return reason == 0 && go ? TEES_RAW_CALLS : reason;
}

/* The interpreter's path, cut out of a script's first line; NULL when there is none. */
static char *interpreter_of(char *head) {
  char *at = head + 2;
  at += strspn(at, " \t");
  at[strcspn(at, " \t\n")] = '\0';
  return *at ? at : NULL;
}

void prepare_program(int directory, const char *path, int flags) {
  union {
    char text[HEAD_BYTES + 1];
    Elf64_Ehdr elf;
  } heads[2];
  if (!path || all_is_here()) return;
  for (int depth = 0; depth < SCRIPTS_MAX; depth++) {
    /* The path may lie in the other one. */
    char *head = heads[depth % 2].text;
    int fd = open_awaited(directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (flags & O_NOFOLLOW));
    if (fd == -EACCES && kernel_access(directory, path, 1 /* X_OK */) == 0) {
      int named = kernel_openat(directory, path, O_PATH | O_CLOEXEC);
      struct attempts attempts = {0};
      if (named < 0) return;
      while (await_descriptor(&attempts, named) == CALL_AGAIN && attempts.without_waiting == 0) continue;
      await_all(named, TEES_UNREADABLE);
      kernel_close(named);
      return;
    }
    if (fd < 0) return;
    long got = kernel_pread(fd, head, HEAD_BYTES, 0);
    head[got > 0 ? got : 0] = '\0';
    char *next = NULL;
    if (got > 2 && memcmp(head, "#!", 2) == 0) {
      next = interpreter_of(head);
    } else if (got >= (long)sizeof(Elf64_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0) {
      enum tees_reason reason = examine_elf(fd, &heads[depth % 2].elf);
      if (reason) await_all(fd, reason);
    }
    kernel_close(fd);
    if (!next) return;
    directory = AT_FDCWD;
    path = next;
    flags = 0;
  }
}
