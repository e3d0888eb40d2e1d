/**
 * Where a tree is to appear on a node: its directory, held open, so that it stays the one that was looked at; what is
 * there already; and whether there is room.
 */
import { closeSync, constants, lstatSync, openSync, statfsSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { ByteString } from '../base/bytes.js';
import { fromText } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import { dataSize } from '../image/manifest.js';
import type { Content, Manifest } from '../image/manifest.js';
import { formatBytes, formatCount } from '../report/units.js';

/** What a file takes at least, on nearly every file system. */
const BLOCK_SIZE_BYTES = 4096;

export interface Needs {
  readonly bytes: number;
  readonly inodes: number;
}

/** What a tree takes where it is written. */
export function needsOf({ entries, contents }: Manifest): Needs {
  let bytes = 0;
  let inodes = 0;
  for (const { content, hardlinkTo } of entries) {
    if (hardlinkTo !== undefined) continue;
    inodes++;
    if (content === undefined) continue;
    bytes += Math.ceil(dataSize(contents[content] as Content) / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
  }
  return { bytes, inodes };
}

export class Destination {
  readonly name: string;
  readonly #fd: number;

  /** @throws TeesError DESTINATION_MISSING, DESTINATION_FAILED */
  constructor(readonly path: string) {
    this.name = basename(path);
    try {
      this.#fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw destinationError(cause, fromText(path));
      const what = code === 'ENOENT' ? 'does not exist' : 'is no directory';
      throw new TeesError('DESTINATION_MISSING', `${dirname(path)} ${what}`, {
        path: fromText(path),
        cause,
        hint: 'Make that directory on the node first, or name another destination.',
      });
    }
  }

  /** Of a name in the directory. */
  at(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  /** Undefined when there is nothing. A symbolic link is what it is. */
  stat(): Stats | undefined {
    try {
      return lstatSync(this.at(this.name), { throwIfNoEntry: false });
    } catch (cause) {
      throw destinationError(cause, fromText(this.path));
    }
  }

  /** Whether the tree may appear. @throws TeesError DESTINATION_EXISTS, DESTINATION_FAILED */
  check(isDirectory: boolean, force: boolean): void {
    const there = this.stat();
    if (!there) return;
    if (!isDirectory && there.isDirectory())
      throw new TeesError('DESTINATION_EXISTS', 'a directory is in the place of a file', {
        path: fromText(this.path),
        hint: `Write ${this.path}/ to put the file into it, under its own name.`,
      });
    if (isDirectory && !force)
      throw new TeesError('DESTINATION_EXISTS', 'there is something in the place of the directory', {
        path: fromText(this.path),
        hint: 'With --force the new one takes its place, in one step, and the old one is removed.',
      });
  }

  /** @throws TeesError DESTINATION_FULL, DESTINATION_FAILED */
  checkRoom({ bytes, inodes }: Needs): void {
    const room = statfsSync(this.at('.'));
    const free = room.bfree * room.bsize;
    const full = (what: string): TeesError =>
      new TeesError('DESTINATION_FULL', `there is no room: ${what}`, {
        path: fromText(this.path),
        hint: 'Free space on that file system, or name a destination on another one.',
      });
    if (bytes > free) throw full(`${formatBytes(bytes)} are needed, ${formatBytes(free)} are free`);
    // Some file systems do not count inodes.
    if (room.files > 0 && inodes > room.ffree)
      throw full(`${formatCount(inodes, 'inode')} are needed, ${room.ffree} are free`);
  }

  /** For fsync(2). */
  get fd(): number {
    return this.#fd;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * What a system call has said where a tree is put, as an error that says what to do. What is such an error already stays.
 * @param path as the user knows it
 */
export function destinationError(thrown: unknown, path: ByteString): TeesError {
  if (thrown instanceof TeesError) return thrown;
  const { code = '', message = String(thrown) } = thrown as NodeJS.ErrnoException;
  const context = { path, cause: thrown };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new TeesError('DESTINATION_FULL', 'there is no room any more', {
        ...context,
        hint: 'Free space (or inodes, or quota) on that file system, or name a destination on another one.',
      });
    case 'EROFS':
      return new TeesError('DESTINATION_READ_ONLY', 'the file system is mounted read-only', {
        ...context,
        hint: 'Name a destination on another file system, or mount this one writable.',
      });
    case 'EEXIST':
    case 'ENOTEMPTY':
    case 'EISDIR':
      return new TeesError('DESTINATION_EXISTS', 'something has taken that name meanwhile', {
        ...context,
        hint: 'Look what it is; with --force a directory takes its place.',
      });
    default:
      // Where it was written is nobody's concern.
      return new TeesError('DESTINATION_FAILED', `it cannot be put there: ${message.replace(/ '.*$/s, '')}`, {
        ...context,
        hint: HINTS[code] ?? 'See that file system on the node, and the log of its daemon.',
      });
  }
}

const NO_ATTRIBUTES =
  'That file system cannot hold these attributes or ACLs (a tmpfs takes user.* from Linux 6.6 on).';
const HINTS: Readonly<Record<string, string>> = {
  EBUSY: 'Something is mounted there: unmount it, or name another destination.',
  EXDEV: 'What is there cannot be exchanged in one step (an overlay?): remove it by hand first.',
  EINVAL: 'That file system cannot exchange two names in one step: remove the old one by hand first.',
  ENAMETOOLONG: 'Names are at most 255 bytes on most file systems; some allow less.',
  ENOTSUP: NO_ATTRIBUTES,
  EOPNOTSUPP: NO_ATTRIBUTES,
  EPERM: 'Is it immutable (lsattr), or does the file system keep root out (root_squash)?',
  EACCES: 'Does the file system keep root out (root_squash)?',
};
