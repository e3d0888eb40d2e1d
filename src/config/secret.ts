/**
 * The cluster key, by which the daemons know each other. The file holds 64 hexadecimal digits or more, a newline at
 * the end allowed. Anything else in it is the key as it stands, byte for byte.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { TeesError, usageError } from '../base/errors.js';
import { CLUSTER_KEY_FILE_MAX_BYTES, CLUSTER_KEY_MIN_BYTES } from '../base/limits.js';
import { systemReason } from './system-reason.js';

/**
 * @returns the key's bytes, 32 or more
 * @throws TeesError KEY_UNREADABLE, KEY_INSECURE, KEY_TOO_SHORT
 */
export function loadClusterKey(file: string): Buffer {
  const content = readPrivately(file);
  const text = content.toString('latin1').trim();
  const key = /^[0-9A-Fa-f]+$/.test(text) && text.length % 2 === 0 ? Buffer.from(text, 'hex') : content;
  if (key.length < CLUSTER_KEY_MIN_BYTES) {
    throw usageError('KEY_TOO_SHORT', `the cluster key has ${key.length} bytes`, {
      path: file,
      hint: `It needs ${CLUSTER_KEY_MIN_BYTES}. Make one with: openssl rand -hex ${CLUSTER_KEY_MIN_BYTES}`,
    });
  }
  return key;
}

/** What is checked is what is read: one descriptor for both. */
function readPrivately(file: string): Buffer {
  let fd: number;
  try {
    // A named pipe in its place must not hold the daemon.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(file, error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw unreadable(file, new Error('it is no regular file'));
    if (stat.size > CLUSTER_KEY_FILE_MAX_BYTES)
      throw unreadable(file, new Error(`it has ${stat.size} bytes`));
    checkPrivate(file, stat.uid, stat.mode);
    return readFileSync(fd);
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    closeSync(fd);
  }
}

function checkPrivate(file: string, owner: number, mode: number): void {
  const self = process.geteuid?.();
  if (owner !== 0 && owner !== self) {
    throw usageError('KEY_INSECURE', `the cluster key belongs to user ${owner}`, {
      path: file,
      hint: `Whoever owns it can replace it. Run: chown root ${file}`,
    });
  }
  if ((mode & 0o077) !== 0) {
    const shown = (mode & 0o7777).toString(8).padStart(4, '0');
    throw usageError('KEY_INSECURE', `others than its owner can use the cluster key (mode ${shown})`, {
      path: file,
      hint: `Run: chmod 600 ${file}. If others may have read it, make a new key on every node.`,
    });
  }
}

function unreadable(file: string, error: unknown): TeesError {
  if (error instanceof TeesError) return error;
  return usageError('KEY_UNREADABLE', `the cluster key cannot be read: ${systemReason(error)}`, {
    path: file,
    cause: error,
    hint: 'keyFile in the configuration names it. Make one with: openssl rand -hex 32, mode 600, on every node.',
  });
}
