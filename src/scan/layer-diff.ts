/** What a layer changes of what it lies over: name by name, nothing executed, no link followed on the layer's side. */
import { closeSync, constants, lstatSync, openSync, readSync, readlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { ByteString } from '../base/bytes.js';
import { fromBuffer, toBuffer } from '../base/bytes.js';
import type { Entry, EntryType, Manifest } from '../image/manifest.js';

/**
 * Added; modified in what it holds; metadata alone (mode, owner); deleted; replaced by another type, or, of a directory, with all
 * that was in it.
 */
export type ChangeKind = 'added' | 'modified' | 'metadata' | 'deleted' | 'replaced';

export interface Change {
  readonly kind: ChangeKind;
  readonly path: ByteString;
  readonly type: EntryType;
  /** Of a regular file of the layer, bytes. */
  readonly size: number;
}

const PIECE_BYTES = 256 * 1024;
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface DiffOptions {
  readonly manifest: Manifest;
  /** Their directories. */
  readonly upper: string;
  readonly lower: string;
}

/** @returns in order of paths; what was copied up and is as it was is no change */
export function diffLayer({ manifest, upper, lower }: DiffOptions): Change[] {
  const changes: Change[] = [];
  /** Below these there is nothing of the lower layer. */
  const own = new Set<ByteString>();
  for (const entry of manifest.entries) {
    if (entry.path === '') continue;
    const isBelowOwn = own.has(parentOf(entry.path));
    const found = isBelowOwn ? undefined : look(lower, entry.path);
    const kind = judge(entry, found, upper, lower);
    if (entry.type === 'directory' && (isBelowOwn || !found?.isDirectory() || entry.opaque))
      own.add(entry.path);
    if (kind) changes.push({ kind, path: entry.path, type: entry.type, size: entry.size });
  }
  return changes;
}

function judge(
  entry: Entry,
  found: BigIntStats | undefined,
  upper: string,
  lower: string,
): ChangeKind | undefined {
  if (entry.type === 'whiteout') return found ? 'deleted' : undefined;
  if (!found) return 'added';
  if (typeOf(found) !== entry.type) return 'replaced';
  if (entry.type === 'directory' && entry.opaque) return 'replaced';
  if (entry.type === 'symlink' && entry.target !== fromBuffer(readlinkSync(at(lower, entry.path), 'buffer')))
    return 'modified';
  if (entry.type === 'file' && !isEqual(entry, found, upper, lower)) return 'modified';
  // A link has no mode of its own.
  const mode = entry.type === 'symlink' ? entry.mode : Number(found.mode & 0o7777n);
  const isSame = mode === entry.mode && Number(found.uid) === entry.uid && Number(found.gid) === entry.gid;
  return isSame ? undefined : 'metadata';
}

function isEqual(entry: Entry, found: BigIntStats, upper: string, lower: string): boolean {
  if (Number(found.size) !== entry.size) return false;
  const files: number[] = [];
  try {
    for (const root of [upper, lower]) files.push(openSync(at(root, entry.path), OPEN_FILE));
    return holdTheSame(files as [number, number]);
  } catch {
    // What cannot be read cannot be said to be the same.
    return false;
  } finally {
    for (const fd of files) closeSync(fd);
  }
}

function holdTheSame([a, b]: [number, number]): boolean {
  const [first, second] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)];
  for (;;) {
    const got = readSync(a, first);
    if (readSync(b, second) !== got || !first.subarray(0, got).equals(second.subarray(0, got))) return false;
    if (got === 0) return true;
  }
}

function at(root: string, path: ByteString): Buffer {
  return Buffer.concat([Buffer.from(root === '/' ? '/' : `${root}/`), toBuffer(path)]);
}

function look(root: string, path: ByteString): BigIntStats | undefined {
  try {
    return lstatSync(at(root, path), { bigint: true });
  } catch {
    return undefined;
  }
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) as ByteString;
}

function typeOf(found: BigIntStats): EntryType | undefined {
  if (found.isDirectory()) return 'directory';
  if (found.isFile()) return 'file';
  if (found.isSymbolicLink()) return 'symlink';
  if (found.isFIFO()) return 'fifo';
  return found.isSocket() ? 'socket' : undefined;
}
