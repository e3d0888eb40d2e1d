/* One request to the keeper. */
#ifndef TEES_ATTEND_H
#define TEES_ATTEND_H

#include "settings.h"

/* In a process of its own. */
void attend(const struct settings *settings, int connection) __attribute__((noreturn));

#endif
