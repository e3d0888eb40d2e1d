/**
 * A directory tree as lines of text that can be compared by `diff`: every name with its type, mode, ids, times,
 * attributes, links, holes and digest. Whiteouts and the overlay's own attributes are left out: an upper layer
 * and the merged tree that it makes are described alike.
 *
 *     node build/test/support/describe-tree.js DIR...
 */
import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ByteString } from '../../src/base/bytes.js';
import { fromBuffer, fromText, toBuffer } from '../../src/base/bytes.js';
import { native } from '../../src/base/native.js';

/** What is known of one name, each part as text. */
export type Description = Readonly<Record<string, string>>;

const BLOCK_SIZE_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_SIZE_BYTES);
const buffer = Buffer.alloc(256 * BLOCK_SIZE_BYTES);

/** One byte, one character or `\xNN`: no space, no newline, and two different names never look alike. */
export function escapeBytes(bytes: ByteString): string {
  return bytes.replace(
    /[^\x21-\x5b\x5d-\x7e]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Sorted by path; the directory itself is '.'. */
export function describeTree(dir: string): string[] {
  return [...describeEntries(dir)].map(([path, parts]) => {
    const fields = Object.entries(parts).map(([name, value]) => `${name}=${value}`);
    return [escapeBytes(path), ...fields].join(' ');
  });
}

export function describeEntries(dir: string): Map<ByteString, Description> {
  const paths: ByteString[] = [];
  const collect = (path: ByteString): void => {
    paths.push(path);
    const at = absolute(dir, path);
    if (!lstatSync(at).isDirectory()) return;
    for (const name of readdirSync(at, { encoding: 'buffer' }).map(fromBuffer))
      collect((path === '.' ? name : `${path}/${name}`) as ByteString);
  };
  collect('.' as ByteString);
  paths.sort((a, b) => (a < b ? -1 : 1));
  const firstOfInode = new Map<string, ByteString>();
  const described = new Map<ByteString, Description>();
  for (const path of paths) {
    const at = absolute(dir, path);
    const stat = lstatSync(at, { bigint: true });
    if (stat.isCharacterDevice() && stat.rdev === 0n) continue;
    const inode = `${stat.dev}:${stat.ino}`;
    if (!firstOfInode.has(inode)) firstOfInode.set(inode, path);
    described.set(path, describe(at, stat, firstOfInode.get(inode) as ByteString));
  }
  return described;
}

function absolute(dir: string, path: ByteString): Buffer {
  return toBuffer(`${fromText(dir)}/${path}` as ByteString);
}

/** Sizes and link counts of directories are the file system's own business. */
function describe(at: Buffer, stat: BigIntStats, firstName: ByteString): Description {
  return {
    type: typeOf(stat),
    mode: (stat.mode & 0o7777n).toString(8).padStart(4, '0'),
    owner: `${stat.uid}:${stat.gid}`,
    mtimeNs: String(stat.mtimeNs),
    ...(stat.isDirectory() ? {} : { links: `${stat.nlink}`, first: escapeBytes(firstName) }),
    ...(stat.isSymbolicLink() ? { target: escapeBytes(fromBuffer(readlinkSync(at, 'buffer'))) } : {}),
    ...describeXattrs(at),
    ...(stat.isFile() ? describeData(at, stat) : {}),
  };
}

function typeOf(stat: BigIntStats): string {
  if (stat.isDirectory()) return 'directory';
  if (stat.isFile()) return 'file';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  return stat.isBlockDevice() ? `block-${stat.rdev}` : `character-${stat.rdev}`;
}

/** Labels of security modules are the machine's. */
function describeXattrs(at: Buffer): Description {
  const names = native()
    .listXattrs(at)
    .map(fromBuffer)
    .filter((name) => !/^(trusted|user)\.overlay\.|^security\.(selinux|ima|evm|apparmor)/.test(name))
    .sort();
  const described = names.map((name) => {
    const value = native().getXattr(at, toBuffer(name));
    return [`xattr:${escapeBytes(name)}`, value.toString('hex')];
  });
  return Object.fromEntries(described) as Description;
}

/**
 * The digest is of every block that is not zero, with its place: it depends on the contents alone, not on
 * where the holes are, and huge sparse files are not read through.
 */
function describeData(at: Buffer, stat: BigIntStats): Description {
  const fd = openSync(at, 'r');
  try {
    const extents = native().dataExtents(fd, Number(stat.size));
    const hash = createHash('sha256');
    for (let i = 0; i < extents.length; i += 2) {
      const [offset, length] = [extents[i] as number, extents[i + 1] as number];
      hashRange(hash, fd, offset - (offset % BLOCK_SIZE_BYTES), offset + length);
    }
    const data = extents.join(',') || 'none';
    return { size: `${stat.size}`, data, sha256: hash.digest('hex') };
  } finally {
    closeSync(fd);
  }
}

function hashRange(hash: Hash, fd: number, start: number, end: number): void {
  for (let at = start; at < end;) {
    const count = readSync(fd, buffer, 0, Math.min(buffer.length, end - at), at);
    if (count === 0) return;
    for (let from = 0; from < count; from += BLOCK_SIZE_BYTES) {
      const block = buffer.subarray(from, Math.min(from + BLOCK_SIZE_BYTES, count));
      if (!block.equals(ZEROS.subarray(0, block.length))) hash.update(`${at + from}:`).update(block);
    }
    at += count;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const dir of process.argv.slice(2)) process.stdout.write(describeTree(dir).join('\n') + '\n');
