/*
 * node --net FILE --hostname NAME [--hide DIR] [--tmpfs DIR --size BYTES] -- CMD ARG…
 * node --net FILE --hostname NAME --mounts FD -- CMD ARG…
 *
 * Becomes a node's daemon: joins the node's network namespace, gets mount and host name namespaces of its own,
 * and mounts the tmpfs of a diskless node, which goes with the last process of the node. DIR of --hide, where the
 * cluster pins its namespaces, is unmounted for the node. A daemon that is started again finds the mounts of the one
 * before it: descriptor FD is their namespace, which it does not inherit.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

struct node {
  const char *net, *hostname, *hide, *tmpfs, *size, *mounts;
};

static int parse(int argc, char **argv, struct node *node) {
  static const struct option OPTIONS[] = {
      {"net", required_argument, NULL, 'n'},   {"hostname", required_argument, NULL, 'h'},
      {"hide", required_argument, NULL, 'i'},  {"tmpfs", required_argument, NULL, 't'},
      {"size", required_argument, NULL, 's'},  {"mounts", required_argument, NULL, 'm'},
      {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(argc, argv, "+", OPTIONS, NULL)) != -1;) {
    if (option == 'n') node->net = optarg;
    else if (option == 'h') node->hostname = optarg;
    else if (option == 'i') node->hide = optarg;
    else if (option == 't') node->tmpfs = optarg;
    else if (option == 's') node->size = optarg;
    else if (option == 'm') node->mounts = optarg;
    else return -1;
  }
  return node->net && node->hostname && !node->tmpfs == !node->size ? 0 : -1;
}

static int mount_store(const struct node *node) {
  char options[64];
  snprintf(options, sizeof options, "mode=0700,size=%s", node->size);
  return mount("tees-store", node->tmpfs, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

static int join_mounts(const char *descriptor) {
  int fd = atoi(descriptor);
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || setns(fd, CLONE_NEWNS) < 0)
    return complain("cannot join the node's mounts", descriptor);
  if (unshare(CLONE_NEWUTS) < 0) return complain("cannot create the node's namespaces", NULL);
  return 0;
}

static int make_mounts(const struct node *node) {
  if (unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0) return complain("cannot create the node's namespaces", NULL);
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return complain("cannot make mounts private", "/");
  if (node->hide && umount2(node->hide, MNT_DETACH) < 0) return complain("cannot unmount", node->hide);
  if (node->tmpfs && mount_store(node) < 0) return complain("cannot mount the node's store", node->tmpfs);
  return 0;
}

int node_main(int argc, char **argv) {
  struct node node = {0};
  char **command = command_of(argc, argv);
  if (!command) return 2;
  if (parse(argc, argv, &node) < 0) {
    fprintf(stderr, "usage: tees-init node --net FILE --hostname NAME [--hide DIR] [--tmpfs DIR --size N] -- CMD\n");
    return 2;
  }
  if (join(node.net, CLONE_NEWNET) < 0) return complain("cannot join the network namespace", node.net);
  if ((node.mounts ? join_mounts(node.mounts) : make_mounts(&node)) != 0) return 1;
  if (sethostname(node.hostname, strlen(node.hostname)) < 0) return complain("cannot set the host name", NULL);
  execute(command);
}
