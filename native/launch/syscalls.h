/*
 * The mount API of Linux 5.2 and later by number: older C libraries have no functions for it, and the newer ones'
 * header cannot be included together with the kernel's.
 */
#ifndef TEES_SYSCALLS_H
#define TEES_SYSCALLS_H

#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MNT_DETACH 2

static inline int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
                            const void *data) {
  return (int)syscall(SYS_mount, source, target, type, flags, data);
}
static inline int sys_umount2(const char *target, int flags) { return (int)syscall(SYS_umount2, target, flags); }
static inline int sys_pivot_root(const char *new_root, const char *put_old) {
  return (int)syscall(SYS_pivot_root, new_root, put_old);
}
static inline int sys_open_tree(int directory, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, directory, path, flags);
}
static inline int sys_move_mount(int from, int to) {
  return (int)syscall(SYS_move_mount, from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
static inline int sys_fsopen(const char *type, unsigned flags) { return (int)syscall(SYS_fsopen, type, flags); }
static inline int sys_fsconfig(int fd, unsigned command, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, fd, command, key, value, 0);
}
static inline int sys_fsmount(int fd, unsigned flags, unsigned attributes) {
  return (int)syscall(SYS_fsmount, fd, flags, attributes);
}
static inline int sys_mount_setattr(int directory, const char *path, unsigned flags, struct mount_attr *attr) {
  return (int)syscall(SYS_mount_setattr, directory, path, flags, attr, sizeof *attr);
}
static inline int sys_openat2(int directory, const char *path, struct open_how *how) {
  return (int)syscall(SYS_openat2, directory, path, how, sizeof *how);
}
static inline int sys_faccessat2(int directory, const char *path, int mode, int flags) {
  return (int)syscall(SYS_faccessat2, directory, path, mode, flags);
}
static inline int sys_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int)syscall(SYS_close_range, first, last, flags);
}

#endif
