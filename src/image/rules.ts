/**
 * What a manifest may say. It comes from another machine and is turned into names below a directory by root,
 * so whatever is not known to be harmless is refused, with the path where one is known.
 */
import { TeesError } from '../base/errors.js';
import {
  FILE_SIZE_MAX_BYTES,
  NAME_MAX_BYTES,
  PATH_MAX_BYTES,
  XATTR_VALUE_MAX_BYTES,
} from '../base/limits.js';
import type { ByteString } from '../base/bytes.js';
import { display } from '../base/bytes.js';
import type { EntryType } from './manifest.js';
import { RESERVED_TOP_LEVEL_NAME } from './manifest.js';

/** The kernel's XATTR_NAME_MAX. */
export const XATTR_NAME_MAX_BYTES = 255;
/** Far beyond what any file system stores, and symmetric, so that differences stay exact. */
export const MTIME_SECONDS_MAX = 2 ** 50;
/** (uid_t) -1 means "do not change" to chown(2). */
export const ID_MAX = 2 ** 32 - 2;
export const MODE_MAX = 0o7777;
export const NANOSECONDS_MAX = 999_999_999;

/** The types of which two names can be one inode in a manifest. */
export const LINKABLE_TYPES: ReadonlySet<EntryType> = new Set<EntryType>(['file', 'symlink', 'fifo']);

export function invalid(message: string, path?: ByteString): TeesError {
  return new TeesError('MANIFEST_INVALID', `the layer's manifest is refused: ${message}`, {
    ...(path === undefined ? {} : { path: path === '' ? '/' : path }),
    hint: 'It was damaged on its way or made by another version: submit the job again.',
  });
}

/** More than the decoder would accept. */
export function tooLarge(): TeesError {
  return new TeesError(
    'LAYER_TOO_LARGE',
    'the layer has more names or pieces of files than one job can carry',
    {
      hint: 'Remove what the job does not need, or keep large data on shared storage.',
    },
  );
}

/**
 * Knows the directories so far, and admits the next path. Plain byte order is enough to have parents first:
 * a parent's path is a proper prefix of its child's, and so compares lower. By induction only the last
 * component needs looking at: what stands before it was admitted as a directory.
 */
export class PathRule {
  readonly #directories = new Set<string>();
  #previous: ByteString | undefined;

  admit(path: ByteString, type: EntryType): void {
    if (this.#previous === undefined) {
      if (path !== '' || type !== 'directory') throw invalid('the root is not its first entry', path);
    } else {
      if (!(this.#previous < path)) throw invalid('its paths are not in ascending order', path);
      if (path.length >= PATH_MAX_BYTES) throw invalid('a path is too long', path);
      const slash = path.lastIndexOf('/');
      const parent = slash < 0 ? '' : path.slice(0, slash);
      if (slash === 0 || !this.#directories.has(parent))
        throw invalid('a path is not below a directory', path);
      checkName(path.slice(slash + 1), path);
      if (path === RESERVED_TOP_LEVEL_NAME) throw invalid('it uses the reserved name', path);
    }
    if (type === 'directory') this.#directories.add(path);
    this.#previous = path;
  }
}

function checkName(name: string, path: ByteString): void {
  if (name === '' || name === '.' || name === '..') throw invalid('a name is empty, "." or ".."', path);
  if (name.length > NAME_MAX_BYTES) throw invalid('a name is too long', path);
  if (name.includes('\0')) throw invalid('a name holds a NUL', path);
}

export function checkTarget(target: string, path: ByteString): void {
  if (target.length === 0 || target.length >= PATH_MAX_BYTES)
    throw invalid('a symbolic link has an empty or too long target', path);
  if (target.includes('\0')) throw invalid("a symbolic link's target holds a NUL", path);
}

export function checkOwner(uid: number, gid: number, mode: number): void {
  if (uid > ID_MAX || gid > ID_MAX) throw invalid('a user or group id is out of range');
  if (mode > MODE_MAX) throw invalid('a mode is out of range');
}

export function checkTime(seconds: number, nanoseconds: number, path: ByteString): void {
  if (Math.abs(seconds) > MTIME_SECONDS_MAX || nanoseconds > NANOSECONDS_MAX)
    throw invalid('a time is out of range', path);
}

export function checkSize(size: number, path?: ByteString): void {
  if (size > FILE_SIZE_MAX_BYTES) throw invalid('a file is too large', path);
}

const KEPT_XATTRS: ReadonlySet<string> = new Set([
  'security.capability',
  'system.posix_acl_access',
  'system.posix_acl_default',
]);

/**
 * What travels: the user's own attributes, ACLs and file capabilities. What does not: labels of security
 * modules (security.*), which belong to the machine; trusted.* and the rest of system.*, which belong to
 * administrators and file systems; and the overlay's private marks, which would forge the node's layers.
 */
export function isKeptXattr(name: string): boolean {
  if (KEPT_XATTRS.has(name)) return true;
  return name.startsWith('user.') && name.length > 'user.'.length && !name.startsWith('user.overlay.');
}

export function checkXattr(name: string, value: Uint8Array): void {
  if (name.length > XATTR_NAME_MAX_BYTES || name.includes('\0'))
    throw invalid('the name of an attribute is invalid');
  if (!isKeptXattr(name))
    throw invalid(`an extended attribute is not allowed: ${display(name as ByteString)}`);
  if (value.length > XATTR_VALUE_MAX_BYTES) throw invalid(`the extended attribute ${name} is too large`);
}
