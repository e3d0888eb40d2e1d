#include "variables.h"

#include <string.h>

#include "protocol.h"

struct variable {
  const char *name; /* with its = */
  const char *library;
};

static const struct variable VARIABLES[] = {
    {"LD_PRELOAD=", TEES_PRELOAD_LIBRARY},
    {"LD_AUDIT=", TEES_AUDIT_LIBRARY},
};
#define VARIABLE_COUNT (sizeof VARIABLES / sizeof *VARIABLES)

/* ld.so(8): both may separate; the audit variable knows the colon only. */
static bool is_separator(char byte) { return byte == ':' || byte == ' '; }

/* The value, when `entry` is this variable; otherwise NULL. */
static const char *value_of(const char *entry, const struct variable *variable) {
  size_t length = strlen(variable->name);
  return strncmp(entry, variable->name, length) == 0 ? entry + length : NULL;
}

/* The last one is what the loader takes. `count` may be NULL. */
static const char *find(char *const envp[], const struct variable *variable, size_t *count) {
  const char *found = NULL;
  for (; envp && *envp; envp++) {
    const char *value = value_of(*envp, variable);
    if (value) found = value;
    if (value && count) (*count)++;
  }
  return found;
}

static bool starts_with_library(const char *value, const char *library) {
  size_t length = strlen(library);
  return strncmp(value, library, length) == 0 && (!value[length] || is_separator(value[length]));
}

bool variables_have_shim(char *const envp[]) {
  for (size_t i = 0; i < VARIABLE_COUNT; i++) {
    const char *value = find(envp, &VARIABLES[i], NULL);
    if (!value || !starts_with_library(value, VARIABLES[i].library)) return false;
  }
  return true;
}

size_t variables_size(char *const envp[]) {
  size_t count = 1 + VARIABLE_COUNT, bytes = 0;
  for (char *const *at = envp; at && *at; at++) count++;
  for (size_t i = 0; i < VARIABLE_COUNT; i++) {
    const char *value = find(envp, &VARIABLES[i], NULL);
    bytes += strlen(VARIABLES[i].name) + strlen(VARIABLES[i].library) + 2 + (value ? strlen(value) : 0);
  }
  return count * sizeof(char *) + bytes;
}

static char *append(char *to, const char *text, size_t length) {
  memcpy(to, text, length);
  to[length] = '\0';
  return to + length;
}

/* Writes NAME=VALUE; `needed` puts the library first, otherwise it is left out wherever it stands. */
static char *write_variable(char *to, const struct variable *variable, const char *value, bool needed) {
  size_t library = strlen(variable->library);
  to = append(to, variable->name, strlen(variable->name));
  bool first = true;
  if (needed) {
    to = append(to, variable->library, library);
    first = false;
  }
  while (value && *value) {
    size_t length = strcspn(value, ": ");
    bool ours = length == library && memcmp(value, variable->library, library) == 0;
    if (length > 0 && !ours) {
      if (!first) to = append(to, ":", 1);
      to = append(to, value, length);
      first = false;
    }
    value += length;
    if (*value) value++;
  }
  return to + 1;
}

char **variables_fill(char *const envp[], bool needed, void *memory) {
  char **entries = memory;
  size_t count = 0;
  for (char *const *at = envp; at && *at; at++) count++;
  char *text = (char *)(entries + count + 1 + VARIABLE_COUNT);
  const char *values[VARIABLE_COUNT];
  bool kept[VARIABLE_COUNT];
  for (size_t i = 0; i < VARIABLE_COUNT; i++) {
    size_t standing = 0;
    values[i] = find(envp, &VARIABLES[i], &standing);
    /* As it stands it may have a separator more or less: what need not be changed is not. */
    kept[i] = standing == 1 && (needed ? starts_with_library(values[i], VARIABLES[i].library)
                                   : !strstr(values[i], VARIABLES[i].library));
  }
  char **next = entries;
  for (char *const *at = envp; at && *at; at++) {
    size_t i = 0;
    while (i < VARIABLE_COUNT && (kept[i] || !value_of(*at, &VARIABLES[i]))) i++;
    if (i == VARIABLE_COUNT) *next++ = *at;
  }
  for (size_t i = 0; i < VARIABLE_COUNT; i++) {
    if (kept[i] || (!needed && !values[i])) continue;
    char *start = text;
    text = write_variable(text, &VARIABLES[i], values[i], needed);
    /* Nothing but the shim stood there. */
    if (needed || (size_t)(text - start) > strlen(VARIABLES[i].name) + 1) *next++ = start;
  }
  *next = NULL;
  return entries;
}
