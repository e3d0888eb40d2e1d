/* What a session's processes may not ask the kernel for. */
#ifndef TEES_FILTER_H
#define TEES_FILTER_H

#include <stdbool.h>

/*
 * For this process and all that it starts. They are refused with EPERM; clone3(2), whose flags cannot be seen, with
 * ENOSYS. With `spares_users` it may be called once more: user namespaces are not refused yet.
 */
void filter_install(bool spares_users);

#endif
