#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "mount.h"
#include "serve.h"
#include "state.h"

static int result(int returned) { return returned < 0 ? errno : 0; }

/* Into a mount namespace of its own, at the given directory. */
static int enter(const char *directory) {
  if (unshare(CLONE_NEWNS) < 0) return errno;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return errno;
  return result(chdir(directory));
}

static int try_backing(int file) {
  struct backing_map map = {.fd = file};
  int id = ioctl(FD_FUSE, BACKING_OPEN, &map);
  return id > 0 ? 0 : errno;
}

static int try_mount(struct features *agreed) {
  if (mkdir("served", 0700) < 0 || mount_served("served") < 0) return errno;
  return result(mount_negotiate((struct features){.passthrough = true, .resend = true}, agreed));
}

/* Linux 6.5. */
static int try_data_only(void) {
  static const char *const names[] = {"lower", "data", "upper", "work", "merged"};
  for (int i = 0; i < 5; i++)
    if (mkdir(names[i], 0700) < 0) return errno;
  const char *options = "lowerdir=lower::data,upperdir=upper,workdir=work,metacopy=on,redirect_dir=on";
  return result(mount("tees", "merged", "overlay", 0, options));
}

int probe_run(const char *directory) {
  int device = result(place(open("/dev/fuse", O_RDWR | O_CLOEXEC), FD_FUSE) ? 0 : -1);
  int entered = enter(directory);
  AUTO_CLOSE int file = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  /* Over the directory itself: whatever is made from here on is gone with the namespace. */
  if (!entered) entered = result(mount("tees", ".", "tmpfs", 0, NULL));
  if (!entered) entered = result(chdir(directory));
  struct features agreed = {0};
  int mounted = entered, data = entered, backing = ENOSYS;
  if (!mounted) mounted = device ? device : try_mount(&agreed);
  if (!mounted && agreed.passthrough) backing = file < 0 ? 0 : try_backing(file);
  if (!data) data = try_data_only();
  printf("device=%d mount=%d backing=%d resend=%d data=%d\n", device, mounted, mounted ? mounted : backing,
         agreed.resend ? 0 : ENOSYS, data);
  return 0;
}
