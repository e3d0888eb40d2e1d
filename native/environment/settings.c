#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"

static void find_enter_program(struct settings *settings) {
  ssize_t size = readlink("/proc/self/exe", settings->enter_program, PATH_SIZE - 16);
  if (size < 0) {
    perror("tees-keep: cannot find itself");
    exit(2);
  }
  settings->enter_program[size] = '\0';
  strcpy(strrchr(settings->enter_program, '/'), "/tees-enter");
}

static void set(struct settings *settings, const char *name, const char *value) {
  if (strcmp(name, "directory") == 0) settings->directory = value;
  else if (strcmp(name, "runtime") == 0) settings->runtime = value;
  else if (strcmp(name, "idBase") == 0) settings->id_base = (uint32_t)strtoul(value, NULL, 10);
  else if (strcmp(name, "idEnd") == 0) settings->id_end = (uint32_t)strtoul(value, NULL, 10);
  else if (strcmp(name, "network") == 0) settings->network = atoi(value);
  else if (strcmp(name, "memory") == 0) settings->memory = value;
  else if (strcmp(name, "processes") == 0) settings->processes = value;
  else if (strcmp(name, "disk") == 0) settings->disk = value;
  else if (strcmp(name, "manager") == 0) settings->is_pbs = strcmp(value, "pbs") == 0;
  else if (strcmp(name, "bind") == 0 && settings->bind_count < BINDS_MAX) settings->binds[settings->bind_count++] = value;
  else if (strcmp(name, "device") == 0 && settings->device_count < DEVICES_MAX) settings->devices[settings->device_count++] = value;
  else {
    fprintf(stderr, "tees-keep: the setting %s cannot be used\n", name);
    exit(2);
  }
}

/* Half of the memory, as on a node: whoever fills it is told so before the kernel ends what runs in the environment. */
static void size_shared_memory(struct settings *settings) {
  unsigned long long memory = strtoull(settings->memory, NULL, 10);
  int length = snprintf(settings->shared_memory, sizeof settings->shared_memory, "mode=1777");
  if (memory) snprintf(settings->shared_memory + length, sizeof settings->shared_memory - (size_t)length, ",size=%llu", memory / 2);
}

void settings_read(int fd, struct settings *settings) {
  *settings = (struct settings){.network = -1, .memory = "", .processes = "", .disk = ""};
  find_enter_program(settings);
  struct message message; /* kept: the settings lie in it */
  if (message_receive(fd, &message) < 0) {
    perror("tees-keep: cannot read the settings");
    exit(2);
  }
  for (size_t i = 0; i < message.count; i++) {
    char *value = strchr(message.strings[i], '=');
    if (!value) continue;
    *value++ = '\0';
    set(settings, message.strings[i], value);
  }
  size_shared_memory(settings);
  if (settings->directory && settings->runtime) return;
  fprintf(stderr, "tees-keep: the settings directory and runtime are needed\n");
  exit(2);
}
