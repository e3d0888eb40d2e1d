/** What the shared storage answers, as errors that say where and what to do. */
import { getSystemErrorMap } from 'node:util';
import { constants } from 'node:os';
import { TeesError } from '../../base/errors.js';

const { ENOENT, ENOTDIR, EACCES, EPERM, EROFS, ENOSPC, EDQUOT, ESTALE, ENODATA } = constants.errno;

const HINTS = new Map([
  [ENOENT, 'Is the shared storage mounted there? See sharedStorage.directory in the configuration.'],
  [ENOTDIR, 'sharedStorage.directory in the configuration must be a directory.'],
  [EACCES, 'Users must be able to make directories of their own in it: chmod 1777.'],
  [EPERM, 'Users must be able to make directories of their own in it: chmod 1777.'],
  [EROFS, 'It is mounted read-only on the login node, which writes what the nodes read: mount it writable.'],
  [ESTALE, 'Mount it again on that node.'],
]);

/** What is done by a node; everything else the login node does. */
export const READING = 'reading';

/** @param errno positive */
export function storageError(errno: number, what: string, path: string): TeesError {
  if (errno === ENOENT && what === READING) {
    return new TeesError(
      'SHARED_STORAGE_UNSEEN',
      'what the login node has written to the shared storage is not there',
      {
        path,
        hint: 'Is the same directory mounted on that node? See findmnt -T with sharedStorage.directory there.',
      },
    );
  }
  const [name = String(errno), reason = 'unknown error'] = getSystemErrorMap().get(-errno) ?? [];
  if (errno === ENOSPC || errno === EDQUOT) {
    return new TeesError('SHARED_STORAGE_FULL', `the shared storage has no room: ${what}: ${reason}`, {
      path,
      hint: 'Remove what is not needed any more there, or use --method p2p.',
    });
  }
  const why = errno === ENODATA ? 'the file is shorter than it was written' : `${reason} (${name})`;
  return new TeesError('SHARED_STORAGE_FAILED', `the shared storage: ${what}: ${why}`, {
    path,
    hint: HINTS.get(errno) ?? 'See the kernel log there, or use --method p2p.',
  });
}

export function storageSilent(deadlineMs: number, what: string, path: string): TeesError {
  return new TeesError(
    'SHARED_STORAGE_FAILED',
    `the shared storage: ${what}: it has not answered for ${deadlineMs / 1000} s`,
    { path, hint: 'Is its server up and reachable from there? Meanwhile use --method p2p.' },
  );
}
