/*
 * popen(3) and pclose(3). The C library's own popen starts the shell with the program's environment. For a program that
 * has taken the shim out of that, the stream is made here: `environ` cannot be exchanged for a moment, as other threads
 * read and change it meanwhile.
 */
#include <fcntl.h>
#include <paths.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"
#include "variables.h"

/* A stream of ours, and the shell at its other end. */
struct pipe_stream {
  FILE *stream;
  pid_t shell;
  struct pipe_stream *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pipe_stream *streams;

/* As popen(3) says: earlier streams are closed in the new child, even those that a plain exec would keep. */
static int start_shell(pid_t *shell, const char *command, int child_end, int target) {
  char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
  posix_spawn_file_actions_t actions;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return error;
  error = posix_spawn_file_actions_adddup2(&actions, child_end, target);
  for (struct pipe_stream *at = streams; at && !error; at = at->next)
    if (fileno(at->stream) != target) error = posix_spawn_file_actions_addclose(&actions, fileno(at->stream));
  if (!error) error = posix_spawn(shell, _PATH_BSHELL, &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

/* With the lock held. The parent's end is closed on exec until its shell runs; "e" keeps it so. */
static int connect_shell(struct pipe_stream *new, const char *command, bool reads, bool keeps_cloexec) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return errno;
  int own = ends[reads ? 0 : 1], child_end = ends[reads ? 1 : 0];
  new->stream = fdopen(own, reads ? "r" : "w");
  int error = new->stream ? start_shell(&new->shell, command, child_end, reads ? STDOUT_FILENO : STDIN_FILENO) : errno;
  close(child_end);
  if (!error && !keeps_cloexec) fcntl(own, F_SETFD, 0);
  if (!error) return 0;
  if (new->stream) fclose(new->stream);
  else close(own);
  return error;
}

static FILE *open_stream(const char *command, const char *mode) {
  bool reads = false, writes = false, keeps_cloexec = false;
  for (; *mode == 'r' || *mode == 'w' || *mode == 'e'; mode++) {
    if (*mode == 'r') reads = true;
    if (*mode == 'w') writes = true;
    if (*mode == 'e') keeps_cloexec = true;
  }
  if (*mode || reads == writes) {
    errno = EINVAL;
    return NULL;
  }
  struct pipe_stream *new = malloc(sizeof *new);
  if (!new) return NULL;
  pthread_mutex_lock(&lock);
  int error = connect_shell(new, command, reads, keeps_cloexec);
  if (!error) {
    new->next = streams;
    streams = new;
  }
  pthread_mutex_unlock(&lock);
  if (!error) return new->stream;
  free(new);
  errno = error;
  return NULL;
}

REAL(FILE *, popen, const char *, const char *)
PUBLIC FILE *popen(const char *command, const char *mode) {
  if (!variables_have_shim(environ) && shim_is_needed()) return open_stream(command, mode);
  prepare_program(AT_FDCWD, _PATH_BSHELL, 0);
  return real_popen()(command, mode);
}

static struct pipe_stream *take(FILE *stream) {
  pthread_mutex_lock(&lock);
  struct pipe_stream **at = &streams;
  while (*at && (*at)->stream != stream) at = &(*at)->next;
  struct pipe_stream *found = *at;
  if (found) *at = found->next;
  pthread_mutex_unlock(&lock);
  return found;
}

REAL(int, pclose, FILE *)
PUBLIC int pclose(FILE *stream) {
  struct pipe_stream *ours = take(stream);
  if (!ours) return real_pclose()(stream);
  int status;
  pid_t waited;
  fclose(stream);
  do waited = waitpid(ours->shell, &status, 0);
  while (waited < 0 && errno == EINTR);
  free(ours);
  return waited < 0 ? -1 : status;
}
