/* The environment of a program that is executed: the shim stays in it, whatever the program has made of it. */
#ifndef TEES_PRELOAD_VARIABLES_H
#define TEES_PRELOAD_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that variables_fill needs. */
size_t variables_size(char *const envp[]);

/*
 * `envp` with the shim's two libraries first in LD_PRELOAD and LD_AUDIT, before those that stand there; or, when
 * everything has arrived and they are of no more use, without them. Built in `memory`; borrows `envp`'s strings.
 */
char **variables_fill(char *const envp[], bool needed, void *memory);

/* Whether a program with this environment would have the shim. */
bool variables_have_shim(char *const envp[]);

#endif
