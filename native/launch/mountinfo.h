/* The mounts of this process's namespace that can be seen: not those another mount lies on top of. */
#ifndef TEES_MOUNTINFO_H
#define TEES_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>

/* Calls back for each mount point, `/` left out, except where `skip` says so: the path is then not touched. */
void mountinfo_each(bool (*skip)(const void *context, const char *path),
                    void (*visit)(void *context, const char *path), void *context);

#endif
