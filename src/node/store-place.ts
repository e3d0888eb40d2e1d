/**
 * Where a node's store may lie. overlayfs refuses a lower layer that lies on the file system of another lower
 * layer's root ("overlapping lowerdir path"), and `/` is a lower layer of every environment: so the store needs a
 * file system of its own, which on diskless nodes is a tmpfs. Said when the daemon starts, not when a job fails.
 */
import { statSync } from 'node:fs';
import { TeesError } from '../base/errors.js';
import { formatSize } from '../config/quantities.js';

/** @throws TeesError STORE_MISPLACED */
export function checkStorePlace(directory: string, sizeBytes: number, node: string): void {
  if (statSync(directory).dev !== statSync('/').dev) return;
  throw new TeesError('STORE_MISPLACED', 'the store must not lie on the file system of /', {
    node,
    path: directory,
    hint:
      'Give it a file system of its own, or memory, for example: ' +
      `mount -t tmpfs -o mode=0700,size=${sizeBytes} tmpfs ${directory} (store.size is ${formatSize(sizeBytes)}).`,
  });
}
