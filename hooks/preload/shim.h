/*
 * The functions that the preloaded library puts in front of the C library's. Each makes the real call first; when
 * that fails with ELOOP for a file whose content is missing, it waits and calls again. errno is as the last real
 * call has left it; a wait leaves none of its own.
 */
#ifndef TEES_PRELOAD_SHIM_H
#define TEES_PRELOAD_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include "wait.h"

#define PUBLIC __attribute__((visibility("default")))

/* The next definition of a function; NULL where the C library has none. */
struct real {
  void *function;
  const char *name;
};
void *real_function(struct real *real);

/* Declares real_NAME(), which gives the next NAME. All are looked up when the library is loaded. */
#define REAL(result, name, ...)                                                                        \
  static struct real slot_##name __attribute__((section("tees_real"), used)) = {NULL, #name};         \
  typedef result type_##name(__VA_ARGS__);                                                             \
  static inline type_##name *real_##name(void) {                                                       \
    void *function = __atomic_load_n(&slot_##name.function, __ATOMIC_RELAXED);                         \
    return (type_##name *)(function ? function : real_function(&slot_##name));                        \
  }

/* After a call that failed with errno ELOOP: whether to call again. Otherwise errno is set. */
bool wait_and_call_again(struct attempts *attempts, int directory, const char *path, int flags);

#define CALL_UNTIL_HERE(call, failed, directory, path, flags)                                          \
  ({                                                                                                   \
    struct attempts attempts_ = {0};                                                                   \
    int errno_before_ = errno;                                                                         \
    __typeof__(call) result_;                                                                          \
    bool waited_ = false;                                                                              \
    while ((result_ = (call)) == (failed) && errno == ELOOP &&                                         \
           wait_and_call_again(&attempts_, directory, path, flags))                                    \
      waited_ = true;                                                                                  \
    if (waited_ && result_ != (failed)) errno = errno_before_;                                         \
    result_;                                                                                           \
  })

/* Waits for a file that will be opened by a call which cannot be made twice. */
void settle(const char *path);

/*
 * Before a program is executed: waits for its file and its interpreters, and for everything when it is one that the
 * shim does not reach. `path` as openat takes it.
 */
void prepare_program(int directory, const char *path, int flags);

/* Whether a new program needs the shim and would find it: not after everything has arrived, nor behind a chroot. */
bool shim_is_needed(void);

/* execve(2) as the wrappers make it: prepared, with the shim in the new program's environment. */
int execute(int directory, const char *path, char *const argv[], char *const envp[], int flags);

#endif
