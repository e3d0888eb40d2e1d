#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "environment.h"
#include "message.h"
#include "settings.h"

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

static const unsigned REFUSED[] = {
    /* Of the whole node, whoever asks. */
    SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_swapon, SYS_swapoff,
    SYS_reboot, SYS_syslog, SYS_acct, SYS_quotactl,
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm,
#endif
    /* Keyrings are not divided by anything here. */
    SYS_keyctl, SYS_add_key, SYS_request_key,
    /* Large, and not needed. */
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
    /* Past every directory's permissions. */
    SYS_open_by_handle_at,
};

#define LOAD(field) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value)
#define UNLESS(test, value, skip) (struct sock_filter) BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, skip)
#define REFUSE ANSWER(SECCOMP_RET_ERRNO | EPERM)
/* The low half of an argument; flags and requests fit into it. */
#define ARGUMENT(index) LOAD(args[index])

void filter_install(bool spares_users) {
  if (is_weak(WEAK_FILTER)) return;
  unsigned namespaces = NAMESPACES | (spares_users ? 0 : CLONE_NEWUSER);
  struct sock_filter program[2 * COUNT_OF(REFUSED) + 32];
  unsigned short size = 0;
  program[size++] = LOAD(arch);
  program[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
  program[size++] = ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
  program[size++] = LOAD(nr);
  program[size++] = UNLESS(BPF_JGE, X32_BIT, 1);
  program[size++] = ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
  for (size_t i = 0; i < COUNT_OF(REFUSED); i++) {
    program[size++] = UNLESS(BPF_JEQ, REFUSED[i], 1);
    program[size++] = REFUSE;
  }
  program[size++] = UNLESS(BPF_JEQ, SYS_clone3, 1);
  program[size++] = ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
  static const unsigned MAKERS[] = {SYS_clone, SYS_unshare};
  for (size_t i = 0; i < COUNT_OF(MAKERS); i++) {
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
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0) fail("install the system call filter", "");
}
