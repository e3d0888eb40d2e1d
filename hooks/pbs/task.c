/*
 * How a task of a PBS job comes into its environment. pbs_mom starts this as the user in place of the task's program
 * (tees.py), which it becomes:
 *
 *   tees-task [--socket PATH] enter JOB ENVIRONMENT POSITION HOOK METHOD ON_LOSS [NAME=VALUE…] -- PROGRAM ARGUMENT-0 ARGUMENT…
 *   tees-task [--socket PATH] ended JOB
 *   tees-task check
 *
 * POSITION is 0 on the first of the job's nodes; HOOK, METHOD, ON_LOSS may be -; the variables are those that the dynamic linker takes away from a program with
 * capabilities, as this is one: with them in its file it may enter a mount namespace. Anybody can start it. It goes where
 * the node's daemon sends it, whose socket must be root's, and the daemon judges who asks by the kernel's word.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../native/environment/environment.h"
#include "../task/door.h"
#include "../task/enter.h"

#define MANAGER "pbs"
#define ANSWERS "setcap cap_sys_admin,cap_sys_chroot,cap_sys_ptrace,cap_setpcap=p"
enum { JOB, ENVIRONMENT_NAME, POSITION, HOOK, METHOD, ON_LOSS, FACTS };

static void give_up(int status, const char *what, const char *why, const char *hint) __attribute__((noreturn));
static void give_up(int status, const char *what, const char *why, const char *hint) {
  fprintf(stderr, "tees: %s%s%s%s%s\n", what, *why ? ": " : "", why, *hint ? ". " : "", hint);
  exit(status);
}

static void misused(void) __attribute__((noreturn));
static void misused(void) { give_up(DOOR_STATUS_FAILED, "tees-task is started by the hook of PBS", "", "See docs/resource-managers.md."); }

/* In effect: the right to look at what is root's, and no other; what is permitted stays. */
static bool may_look(bool yes) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) < 0) return false;
  data[0].effective = yes ? 1u << CAP_SYS_PTRACE : 0;
  data[1].effective = 0;
  return syscall(SYS_capset, &header, data) == 0;
}

/* The hook says so what is not said: PBS would lose an empty argument. */
static const char *said(const char *word) { return strcmp(word, "-") == 0 ? "" : word; }

static int check(void) {
  char value[64];
  if (getxattr("/proc/self/exe", "security.capability", value, sizeof value) > 0) return 0;
  give_up(1, "tees-task has no capabilities", "", "Run, as root: " ANSWERS " FILE");
}

static char *current_directory(void) {
  char *directory = getcwd(NULL, 0);
  return directory ? directory : "/";
}

static void enter(const char *socket, char **facts, char **variables, char **program) {
  const char *search = getenv("PATH"), *libraries = "";
  for (char **variable = variables; variable < program - 1; variable++) {
    if (strncmp(*variable, "LD_LIBRARY_PATH=", 16) == 0) libraries = *variable + 16;
    if (!strchr(*variable, '=')) misused();
  }
  /* A login shell reads what it is to do. */
  bool is_shell = program[1][0] == '-';
  char *shell[] = {program[0], NULL}, *directory = current_directory(), **command = program + 1, *zeroth = program[1];
  *command = program[0];
  struct task task = {
      .manager = MANAGER,
      .job = facts[JOB],
      .environment = facts[ENVIRONMENT_NAME],
      .uid = getuid(),
      .position = (uint32_t)strtoul(facts[POSITION], NULL, 10),
      .is_known = !is_shell,
      .hook = said(facts[HOOK]),
      .method = said(facts[METHOD]),
      .on_loss = said(facts[ON_LOSS]),
      .directory = directory,
      .path = search ? search : "",
      .libraries = libraries,
      .command = is_shell ? shell : command,
  };
  struct way way = {.mounts = -1};
  const char *hint = "", *why = door_ask(socket, &task, &way, &hint);
  *command = zeroth;
  if (!why && !may_look(true)) why = "tees-task lacks its capabilities", hint = "Run, as root: " ANSWERS " on it.";
  if (!why) why = door_open(&way);
  if (!why && !may_look(false)) why = "cannot give up rights";
  if (!why) why = enter_now(&way, directory);
  if (why) give_up(DOOR_STATUS_FAILED, why, "", hint);
  /* Of the job, and only now that they can do nothing. */
  for (char **variable = variables; variable < program - 1; variable++) putenv(*variable);
  for (char **variable = way.variables; *variable; variable++) {
    char *value = strchr(*variable, '=');
    if (!value) continue;
    *value++ = '\0';
    setenv(*variable, enter_variable(*variable, value, getenv(*variable)), 1);
  }
  execv(program[0], command);
  give_up(errno == ENOENT ? 127 : 126, program[0], strerror(errno), "");
}

int main(int count, char **arguments) {
  const char *socket = DOOR_SOCKET;
  char **word = arguments + 1;
  if (count > 2 && strcmp(word[0], "--socket") == 0) {
    socket = word[1];
    word += 2;
  }
  if (*word && strcmp(*word, "check") == 0) return check();
  if (*word && strcmp(*word, "ended") == 0 && word[1]) {
    door_tell_end(socket, MANAGER, word[1]);
    return 0;
  }
  char **end = arguments + count, **program = word;
  if (end - word < FACTS + 1 || strcmp(*word, "enter") != 0) misused();
  for (program += FACTS + 1; program < end && strcmp(*program, "--") != 0;) program++;
  if (end - program < 3) misused();
  if (getuid() == 0) give_up(DOOR_STATUS_FAILED, "root's tasks are not brought into environments", "", "");
  if (!door_is_roots(socket)) give_up(DOOR_STATUS_FAILED, socket, "it is not there, or others than root could put something there", "");
  enter(socket, word + 1, word + 1 + FACTS, program + 1);
}
