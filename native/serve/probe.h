/*
 * What this kernel can, found out by trying, in a mount namespace that goes with the process: `tees-serve probe DIR`,
 * DIR being where a store lies. On standard output comes one line of NAME=ERRNO, 0 for what works:
 *
 *   device   /dev/fuse can be opened
 *   mount    FUSE can be mounted, and speaks a protocol that is new enough
 *   backing  files of DIR can be handed to the kernel (passthrough)
 *   resend   what a killed server had not answered can be asked for again
 *   data     overlayfs takes data-only lower layers
 */
#ifndef TEES_SERVE_PROBE_H
#define TEES_SERVE_PROBE_H

/* Returns the exit status. */
int probe_run(const char *directory);

#endif
