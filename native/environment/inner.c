#include "inner.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"

static void refuse_person(const char *name) {
  if (strcmp(name, "root") == 0 || strcmp(name, "0") == 0 || strcmp(name, "#0") == 0) return;
  fprintf(stderr, "tees: in an environment you become root, and nobody else, this way\n");
  exit(1);
}

/* sudo [-u root] [-i] [-s] [options] [VAR=value…] [COMMAND ARG…]: no password, and root alone. */
static char **read_sudo(int count, char **arguments) {
  for (int option; (option = getopt(count, arguments, "+u:g:p:C:h:EHnSkKisbAlv")) != -1;)
    if (option == 'u') refuse_person(optarg);
  while (optind < count && strchr(arguments[optind], '=') && *arguments[optind] != '=') putenv(arguments[optind++]);
  return optind < count ? arguments + optind : NULL;
}

/* su [-] [-l] [-c COMMAND] [root] */
static char **read_su(int count, char **arguments) {
  static const struct option LONG[] = {{"login", no_argument, NULL, 'l'}, {"command", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
  static char *shell[] = {"/bin/sh", "-c", NULL, NULL};
  for (int option; (option = getopt_long(count, arguments, "lmpc:s:", LONG, NULL)) != -1;)
    if (option == 'c') shell[2] = optarg;
  for (; optind < count; optind++)
    if (strcmp(arguments[optind], "-") != 0) refuse_person(arguments[optind]);
  return shell[2] ? shell : NULL;
}

/* The program of that name which is not this one. */
static char *find_other(const char *name) {
  static char path[PATH_SIZE];
  char real[PATH_MAX];
  const char *search = getenv("PATH");
  if (!search || !*search) search = "/usr/local/bin:/usr/bin:/bin";
  for (const char *at = search, *colon; at; at = *colon ? colon + 1 : NULL) {
    colon = strchrnul(at, ':');
    if (snprintf(path, sizeof path, "%.*s/%s", (int)(colon - at), at, name) >= (int)sizeof path) continue;
    if (access(path, X_OK) < 0 || !realpath(path, real)) continue;
    if (strncmp(real, INNER_PROGRAMS "/", strlen(INNER_PROGRAMS "/")) != 0) return path;
  }
  fprintf(stderr, "tees: %s: there is no such command in this environment\n", name);
  exit(STATUS_NOT_FOUND);
}

static bool is_submit_program(const char *name) {
  for (const char *const *program = SUBMIT_PROGRAMS; *program; program++)
    if (strcmp(*program, name) == 0) return true;
  return false;
}

/* Where PBS has the hook of TEES, a job says by this resource in which environment it runs (hooks/pbs). */
static char **name_environment(int count, char **arguments) {
  const char *here = getenv("TEES_ENVIRONMENT");
  if (!here || access(INNER_PROGRAMS "/qsub", F_OK) < 0) return arguments;
  for (int i = 1; i < count && strcmp(arguments[i], "--") != 0; i++)
    if (strstr(arguments[i], "tees=")) return arguments;
  char **more = calloc((size_t)count + 3, sizeof *more);
  if (!more || asprintf(&more[2], "tees=%s", here) < 0) return arguments;
  more[0] = arguments[0];
  more[1] = "-l";
  memcpy(more + 3, arguments + 1, (size_t)count * sizeof *more);
  return more;
}

bool inner_read(const char *name, int count, char **arguments, char ***command, bool *as_user) {
  if (strcmp(name, "sudo") == 0) *command = read_sudo(count, arguments);
  else if (strcmp(name, "su") == 0) *command = read_su(count, arguments);
  else if (!is_submit_program(name)) return false;
  else {
    *as_user = true;
    arguments[0] = find_other(name);
    *command = strcmp(name, "qsub") == 0 ? name_environment(count, arguments) : arguments;
    /* The user already. */
    if (getuid() != 0) {
      execv(arguments[0], *command);
      perror(arguments[0]);
      exit(STATUS_CANNOT_EXECUTE);
    }
  }
  return true;
}
