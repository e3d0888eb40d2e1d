/** A configuration file replaced at once: whoever reads it has the old one or the new one. The old one is kept beside it. */
import {
  closeSync,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { TeesError } from '../base/errors.js';
import { systemReason } from './system-reason.js';

/**
 * @param edit the new text; what it throws leaves the file as it is
 * @param keeps whether the old one is kept, in the place of one that was kept before
 * @returns where the old one is
 * @throws TeesError CONFIG_UNWRITABLE, and what `edit` throws
 */
export function rewriteConfig(file: string, edit: (text: string) => string, keeps = true): string {
  // Where it really is: a link to it stays one.
  const path = realpathSync(file);
  const text = edit(readFileSync(path, 'utf8'));
  const [kept, next] = [`${path}.bak`, `${path}.new`];
  try {
    if (keeps) copyFileSync(path, kept);
    writeLike(path, next, text);
    renameSync(next, path);
    return kept;
  } catch (error) {
    rmSync(next, { force: true });
    throw new TeesError('CONFIG_UNWRITABLE', `the configuration cannot be written: ${systemReason(error)}`, {
      path: file,
      cause: error,
      hint: 'The values are printed above: write them into it by hand.',
    });
  }
}

function writeLike(model: string, path: string, text: string): void {
  const { mode, uid, gid } = statSync(model);
  rmSync(path, { force: true });
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    fchownSync(fd, uid, gid);
    fchmodSync(fd, mode & 0o7777);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
