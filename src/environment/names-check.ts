/**
 * What a manifest must be before its names are made by root on a node. The manifest came over the network from
 * a user's directory: a name that leaves the layer, or an attribute that steers the overlay itself, would let
 * the layer show files that its owner may not read.
 */
import type { ByteString } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import {
  FILE_SIZE_MAX_BYTES,
  NAME_MAX_BYTES,
  PATH_MAX_BYTES,
  XATTR_VALUE_MAX_BYTES,
} from '../base/limits.js';
import type { Entry, Manifest, Xattr } from '../image/manifest.js';
import { RESERVED_TOP_LEVEL_NAME } from '../image/manifest.js';

const ID_MAX = 0xfffffffe; // (uid_t)-1 means "leave it" to chown(2)
const MODE_MAX = 0o7777;
const NANOSECONDS_MAX = 999_999_999;
const XATTRS_MAX = 0xffff;
/** Those with which overlayfs is told where a file's data are and what is hidden. */
const OVERLAY_XATTR = /^(trusted|user)\.overlay\./;
const XATTR_NAME = /^(user|trusted|security|system)\.[^\0]+$/;

export function refuse(path: ByteString, reason: string): never {
  throw new TeesError('MANIFEST_INVALID', `the manifest cannot be used: ${reason}`, { path });
}

/** @throws TeesError MANIFEST_INVALID, naming the path */
export function checkEntry(entry: Entry, manifest: Manifest): void {
  checkPath(entry.path);
  // The rest is said by the entry it leads to, which is checked in its turn.
  if (entry.hardlinkTo !== undefined) return checkLink(entry, entry.hardlinkTo, manifest);
  const inRange = (value: number, max: number): boolean =>
    Number.isInteger(value) && value >= 0 && value <= max;
  if (!inRange(entry.uid, ID_MAX) || !inRange(entry.gid, ID_MAX)) refuse(entry.path, 'its owner or group');
  if (!inRange(entry.mode, MODE_MAX)) refuse(entry.path, 'its mode');
  if (!Number.isSafeInteger(entry.mtimeSeconds)) refuse(entry.path, 'its time');
  if (!inRange(entry.mtimeNanoseconds, NANOSECONDS_MAX)) refuse(entry.path, 'its time');
  if (entry.xattrs.length > XATTRS_MAX) refuse(entry.path, 'too many extended attributes');
  for (const xattr of entry.xattrs) checkXattr(entry.path, xattr);
  if (entry.type === 'file') checkFile(entry, manifest);
  if (entry.type === 'symlink') checkTarget(entry);
}

function checkPath(path: ByteString): void {
  if (path === '') return;
  if (path.length >= PATH_MAX_BYTES) refuse(path, 'the path is too long');
  if (path.includes('\0')) refuse(path, 'a NUL in the path');
  const components = path.split('/');
  for (const name of components) {
    if (name === '' || name === '.' || name === '..') refuse(path, 'the path leaves the layer');
    if (name.length > NAME_MAX_BYTES) refuse(path, 'a name is too long');
  }
  if (components[0] === RESERVED_TOP_LEVEL_NAME) refuse(path, 'the name is reserved');
}

function checkXattr(path: ByteString, xattr: Xattr): void {
  if (!XATTR_NAME.test(xattr.name) || xattr.name.length > NAME_MAX_BYTES)
    refuse(path, 'the name of an extended attribute');
  if (OVERLAY_XATTR.test(xattr.name))
    refuse(path, `the extended attribute ${xattr.name} is the overlay's own`);
  if (xattr.value.length > XATTR_VALUE_MAX_BYTES) refuse(path, 'an extended attribute is too long');
}

function checkFile(entry: Entry, manifest: Manifest): void {
  if (!Number.isSafeInteger(entry.size) || entry.size < 0 || entry.size > FILE_SIZE_MAX_BYTES)
    refuse(entry.path, 'its size');
  if (entry.content === undefined) return;
  const content = manifest.contents[entry.content];
  if (!content) refuse(entry.path, 'its content is not in the manifest');
  if (content.size !== entry.size) refuse(entry.path, 'its size is not that of its content');
}

function checkTarget(entry: Entry): void {
  const target = entry.target ?? '';
  if (target === '' || target.length >= PATH_MAX_BYTES || target.includes('\0'))
    refuse(entry.path, 'the target of the symbolic link');
}

function checkLink(entry: Entry, to: number, manifest: Manifest): void {
  const leader = manifest.entries[to];
  if (!leader || leader.hardlinkTo !== undefined) refuse(entry.path, 'the hardlink leads nowhere');
  if (leader.type !== entry.type || entry.type === 'directory')
    refuse(entry.path, 'the hardlink is of another type');
}
