#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no system call filter for this architecture yet"
#endif
/* Of x86-64: its 32-bit pointers variant has numbers of its own. */
#define X32_BIT 0x40000000u
/* Namespaces that would put more of the kernel within reach of those inside. */
#define NAMESPACES (CLONE_NEWNET | CLONE_NEWCGROUP)

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const struct {
  unsigned number;
  unsigned allowance; /* 0: never */
} REFUSED[] = {
    /* Of the whole node, whoever asks. */
    {SYS_kexec_load, 0}, {SYS_kexec_file_load, 0}, {SYS_init_module, 0}, {SYS_finit_module, 0}, {SYS_delete_module, 0},
    {SYS_swapon, 0}, {SYS_swapoff, 0}, {SYS_reboot, 0}, {SYS_syslog, 0}, {SYS_acct, 0}, {SYS_quotactl, 0},
#ifdef SYS_iopl
    {SYS_iopl, 0}, {SYS_ioperm, 0},
#endif
    /* Past every directory's permissions. */
    {SYS_open_by_handle_at, 0},
    /* Keyrings are not divided by anything here. */
    {SYS_keyctl, ALLOW_KEYRINGS}, {SYS_add_key, ALLOW_KEYRINGS}, {SYS_request_key, ALLOW_KEYRINGS},
    /* Large, and rarely needed. */
    {SYS_bpf, ALLOW_BPF}, {SYS_perf_event_open, ALLOW_PERF}, {SYS_userfaultfd, ALLOW_USERFAULTFD},
    {SYS_io_uring_setup, ALLOW_IO_URING}, {SYS_io_uring_enter, ALLOW_IO_URING}, {SYS_io_uring_register, ALLOW_IO_URING},
};

enum allowance allowance_of(const char *name) {
  static const struct {
    const char *name;
    enum allowance allowance;
  } NAMES[] = {{"bpf", ALLOW_BPF},   {"io-uring", ALLOW_IO_URING},       {"keyrings", ALLOW_KEYRINGS}, {"namespaces", ALLOW_NAMESPACES},
               {"perf", ALLOW_PERF}, {"userfaultfd", ALLOW_USERFAULTFD}};
  for (size_t i = 0; i < COUNT_OF(NAMES); i++)
    if (strcmp(NAMES[i].name, name) == 0) return NAMES[i].allowance;
  return 0;
}

#define LOAD(field) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value)
#define UNLESS(test, value, skip) (struct sock_filter) BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, skip)
#define REFUSE ANSWER(SECCOMP_RET_ERRNO | EPERM)
/* The low half of an argument; flags and requests fit into it. */
#define ARGUMENT(index) LOAD(args[index])

int filter_install(unsigned allowances, bool spares_users) {
  unsigned namespaces = allowances & ALLOW_NAMESPACES ? 0 : NAMESPACES | (spares_users ? 0 : CLONE_NEWUSER);
  struct sock_filter program[2 * COUNT_OF(REFUSED) + 32];
  unsigned short size = 0;
  program[size++] = LOAD(arch);
  program[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
  program[size++] = ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
  program[size++] = LOAD(nr);
  program[size++] = UNLESS(BPF_JGE, X32_BIT, 1);
  program[size++] = ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
  for (size_t i = 0; i < COUNT_OF(REFUSED); i++) {
    if (REFUSED[i].allowance & allowances) continue;
    program[size++] = UNLESS(BPF_JEQ, REFUSED[i].number, 1);
    program[size++] = REFUSE;
  }
  if (namespaces) {
    program[size++] = UNLESS(BPF_JEQ, SYS_clone3, 1);
    program[size++] = ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
  }
  static const unsigned MAKERS[] = {SYS_clone, SYS_unshare};
  for (size_t i = 0; namespaces && i < COUNT_OF(MAKERS); i++) {
    program[size++] = UNLESS(BPF_JEQ, MAKERS[i], 4);
    program[size++] = ARGUMENT(0);
    program[size++] = UNLESS(BPF_JSET, namespaces, 1);
    program[size++] = REFUSE;
    program[size++] = ANSWER(SECCOMP_RET_ALLOW);
  }
  /* Typing into the terminal of whoever has come in. */
  program[size++] = UNLESS(BPF_JEQ, SYS_ioctl, 5);
  program[size++] = ARGUMENT(1);
  program[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0);
  program[size++] = UNLESS(BPF_JEQ, TIOCLINUX, 1);
  program[size++] = REFUSE;
  program[size++] = ANSWER(SECCOMP_RET_ALLOW);
  program[size++] = ANSWER(SECCOMP_RET_ALLOW);
  struct sock_fprog filter = {size, program};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}
