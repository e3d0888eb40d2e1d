/*
 * TEES under Slurm, as a SPANK plugin (spank(7)): tasks of a job that was submitted from a private environment run in it, on
 * every node. In plugstack.conf:
 *
 *   required tees.so [socket=/run/tees/tasks.sock]        %h: the node's host name
 *
 * srun, sbatch and salloc note the environment in the job's own variables, which go to all its steps. On a node each task
 * asks the node's daemon for the way in (src/node/task-door.ts) while it is root, and waits for it; it goes in when it is its
 * user: nothing of Slurm runs as root where the user's files show. It has no threads, and all failures are the task's alone:
 * no error of a user drains a node.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <slurm/spank.h>

#include "../task/door.h"
#include "../task/enter.h"

SPANK_PLUGIN(tees, 1)

#define MANAGER "slurm"
#define NONE "none"
#define BATCH_SCRIPT 0xfffffffbu
#define INTERPRETER_SIZE 256
#define SEARCH_PATH_SIZE 65536

/* Set by srun, sbatch and salloc, and there in all steps; with Slurm's prefix even with --export=NONE. */
static const char *const VARIABLES[] = {"SLURM_TEES_ENVIRONMENT", "SLURM_TEES_HOOK", "SLURM_TEES_METHOD", "SLURM_TEES_ON_LOSS"};
enum { ENVIRONMENT, HOOK, METHOD, ON_LOSS, COUNT };

static int note(int which, const char *value, int remote) {
  if (!remote) setenv(VARIABLES[which], value, 1);
  return ESPANK_SUCCESS;
}

static struct spank_option OPTIONS[COUNT] = {
    {"tees", "NAME", "run in the private environment NAME (TEES); none: outside of it", 1, ENVIRONMENT, note},
    {"tees-hook", "fuse|preload", "how reads of what is still on its way are made to wait (TEES)", 1, HOOK, note},
    {"tees-method", "METHOD", "how the environment is carried: auto, p2p, shared, ... (TEES)", 1, METHOD, note},
    {"tees-on-loss", "stop|continue", "what a lost node means to the environment of the others (TEES)", 1, ON_LOSS, note},
};

static void find_socket(int count, char **arguments, char *path, size_t size) {
  const char *pattern = DOOR_SOCKET;
  for (int i = 0; i < count; i++)
    if (strncmp(arguments[i], "socket=", 7) == 0) pattern = arguments[i] + 7;
  const char *place = strstr(pattern, "%h");
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  if (!place) snprintf(path, size, "%s", pattern);
  else snprintf(path, size, "%.*s%s%s", (int)(place - pattern), pattern, host, place + 2);
}

int slurm_spank_init(spank_t spank, int count, char **arguments) {
  (void)count, (void)arguments;
  for (int i = 0; i < COUNT; i++)
    if (spank_option_register(spank, &OPTIONS[i]) != ESPANK_SUCCESS) slurm_error("tees: cannot offer --%s", OPTIONS[i].name);
  spank_context_t context = spank_context();
  const char *here = getenv("TEES_ENVIRONMENT");
  if ((context == S_CTX_LOCAL || context == S_CTX_ALLOCATOR) && here && *here) setenv(VARIABLES[ENVIRONMENT], here, 0);
  return ESPANK_SUCCESS;
}

/* A batch script lies where the environment may not show it; what is needed first is what it is read by. */
static void find_interpreter(const char *script, char *interpreter) {
  char line[INTERPRETER_SIZE] = "";
  FILE *file = fopen(script, "re");
  if (file && !fgets(line, sizeof line, file)) *line = '\0';
  if (file) fclose(file);
  if (sscanf(line, "#! %255s", interpreter) != 1) strcpy(interpreter, "/bin/sh");
}

static struct way way = {.mounts = -1};

static void give_up(const char *what, const char *hint) __attribute__((noreturn));
static void give_up(const char *what, const char *hint) {
  slurm_error("tees: %s%s%s", what, *hint ? ". " : "", hint);
  _exit(DOOR_STATUS_FAILED);
}

/* Root, in the task's process. */
int slurm_spank_task_init_privileged(spank_t spank, int count, char **arguments) {
  char values[COUNT][65] = {""}, path[108], interpreter[INTERPRETER_SIZE], directory[4096] = "/";
  if (!spank_remote(spank)) return ESPANK_SUCCESS;
  for (int i = 0; i < COUNT; i++)
    if (spank_getenv(spank, VARIABLES[i], values[i], sizeof values[i]) == ESPANK_NOSPACE) give_up(VARIABLES[i], "It is too long.");
  if (!*values[ENVIRONMENT] || strcmp(values[ENVIRONMENT], NONE) == 0) return ESPANK_SUCCESS;
  uint32_t job, step, node;
  char number[16];
  uid_t uid;
  int words;
  char **command;
  if (spank_get_item(spank, S_JOB_ID, &job) != ESPANK_SUCCESS || spank_get_item(spank, S_JOB_STEPID, &step) != ESPANK_SUCCESS ||
      spank_get_item(spank, S_JOB_NODEID, &node) != ESPANK_SUCCESS || spank_get_item(spank, S_JOB_UID, &uid) != ESPANK_SUCCESS ||
      spank_get_item(spank, S_JOB_ARGV, &words, &command) != ESPANK_SUCCESS)
    give_up("Slurm does not say whose task this is", "");
  if (getcwd(directory, sizeof directory) == NULL) strcpy(directory, "/");
  find_socket(count, arguments, path, sizeof path);
  char *batch[] = {interpreter, NULL};
  if (step == BATCH_SCRIPT) find_interpreter(command[0], interpreter);
  static char search[SEARCH_PATH_SIZE], libraries[SEARCH_PATH_SIZE];
  spank_getenv(spank, "PATH", search, sizeof search);
  spank_getenv(spank, "LD_LIBRARY_PATH", libraries, sizeof libraries);
  struct task task = {
      .manager = MANAGER,
      .job = number,
      .environment = values[ENVIRONMENT],
      .uid = uid,
      .position = node,
      .is_known = step != BATCH_SCRIPT,
      .hook = values[HOOK],
      .method = values[METHOD],
      .on_loss = values[ON_LOSS],
      .directory = directory,
      .path = search,
      .libraries = libraries,
      .command = step == BATCH_SCRIPT ? batch : command,
  };
  const char *hint = "";
  snprintf(number, sizeof number, "%u", job);
  const char *why = door_ask(path, &task, &way, &hint);
  if (!why) why = door_open(&way);
  if (!why) why = enter_prepare(&way);
  if (why) give_up(why, hint);
  return ESPANK_SUCCESS;
}

/* The user, in the task's process: what comes next is the program. */
int slurm_spank_task_init(spank_t spank, int count, char **arguments) {
  (void)count, (void)arguments;
  static char theirs[SEARCH_PATH_SIZE];
  char wanted[4096] = "";
  if (way.mounts < 0) return ESPANK_SUCCESS;
  spank_getenv(spank, "PWD", wanted, sizeof wanted);
  const char *why = enter_now(&way, wanted);
  if (why) give_up(why, "");
  for (char **variable = way.variables; *variable; variable++) {
    char *value = strchr(*variable, '=');
    if (!value) continue;
    *value = '\0';
    spank_err_t found = spank_getenv(spank, *variable, theirs, sizeof theirs);
    if (found == ESPANK_NOSPACE) give_up(*variable, "It is too long.");
    spank_setenv(spank, *variable, enter_variable(*variable, value + 1, found == ESPANK_SUCCESS ? theirs : NULL), 1);
  }
  return ESPANK_SUCCESS;
}

/* Root, on each node of a job that has ended. */
int slurm_spank_job_epilog(spank_t spank, int count, char **arguments) {
  uint32_t job;
  char path[108], number[16];
  if (spank_get_item(spank, S_JOB_ID, &job) != ESPANK_SUCCESS) return ESPANK_SUCCESS;
  find_socket(count, arguments, path, sizeof path);
  snprintf(number, sizeof number, "%u", job);
  door_tell_end(path, MANAGER, number);
  return ESPANK_SUCCESS;
}
