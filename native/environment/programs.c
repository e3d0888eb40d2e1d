#include "programs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../launch/syscalls.h"
#include "inner.h"
#include "message.h"

static void name(int programs, const char *as) {
  if (symlinkat("tees-enter", programs, as) < 0) fail("make", as);
}

void programs_show(int run, int enter_program, bool for_pbs) {
  if (mkdirat(run, INNER_PROGRAMS_NAME, 0755) < 0) fail("make", INNER_PROGRAMS);
  AUTO_CLOSE int programs = openat(run, INNER_PROGRAMS_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  AUTO_CLOSE int target = openat(programs, "tees-enter", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755);
  if (target < 0 || sys_move_mount(enter_program, target) < 0) fail("make", INNER_PROGRAMS);
  close(enter_program);
  name(programs, "sudo");
  name(programs, "su");
  /* Its programs are in no directory that everybody has: those of Slurm the mask shows. */
  for (const char *const *program = SUBMIT_PROGRAMS; for_pbs && *program; program++)
    if (**program == 'q') name(programs, *program);
}
