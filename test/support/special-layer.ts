/**
 * An upper layer made of every special case that a layer can hold. Everything is below one top-level
 * directory, `special`, so that inside an environment it can be compared alone; `hide` adds whiteouts elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { ByteString } from '../../src/base/bytes.js';
import { fromText, toBuffer } from '../../src/base/bytes.js';
import { CHUNK_SIZE_BYTES, NAME_MAX_BYTES } from '../../src/base/limits.js';
import { native } from '../../src/base/native.js';

export interface SpecialLayerOptions {
  /** What only root can make: other owners, whiteouts, opaque marks, file capabilities. Default: when root. */
  readonly privileged?: boolean;
  /** Further whiteouts, relative to the layer: names of the lower layers that must not show. */
  readonly hide?: readonly string[];
}

export const SPECIAL = 'special';
/** Not UTF-8, and not even printable. */
export const ODD_NAMES = [
  'latin1-\xe9',
  '\xff\xfe',
  'new\nline',
  'tab\there',
  ' ',
  '-rf',
  'back\\slash',
  '\x01',
];
export const BOUNDARY_SIZES = [
  0,
  1,
  CHUNK_SIZE_BYTES - 1,
  CHUNK_SIZE_BYTES,
  CHUNK_SIZE_BYTES + 1,
  3 * CHUNK_SIZE_BYTES + 7,
];

/** @param dir an existing directory, which becomes the layer */
export async function makeSpecialLayer(dir: string, options: SpecialLayerOptions = {}): Promise<void> {
  const root = join(dir, SPECIAL);
  mkdirSync(root);
  makeNames(join(root, 'names'));
  makeTypes(join(root, 'types'));
  await makeSocket(join(root, 'types', 'socket'));
  makeModes(join(root, 'modes'));
  makeContents(join(root, 'contents'));
  makeSparse(join(root, 'sparse'));
  makeAttributes(join(root, 'attributes'));
  if (options.privileged ?? process.getuid?.() === 0) {
    makeOwners(join(root, 'owners'));
    makeCapabilities(join(root, 'capabilities'));
    makeOverlayMarks(join(root, 'overlay'));
    for (const path of options.hide ?? []) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      makeWhiteout(join(dir, path));
    }
  }
  // Last: whatever is made in a directory changes its time.
  makeTimes(join(root, 'times'));
}

/** Bytes that do not compress and are the same everywhere for the same seed. */
export function randomBytesOf(seed: number, length: number): Buffer {
  const key = Buffer.alloc(16, seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

function bytesPath(dir: string, name: string): Buffer {
  return toBuffer(`${fromText(dir)}/${name}` as ByteString);
}

function makeNames(dir: string): void {
  mkdirSync(dir);
  for (const name of ODD_NAMES) {
    writeFileSync(bytesPath(dir, name), `file ${name}`);
    mkdirSync(bytesPath(dir, `${name}.d`));
    writeFileSync(bytesPath(dir, `${name}.d/${name}`), `inner ${name}`);
  }
  writeFileSync(join(dir, 'n'.repeat(NAME_MAX_BYTES)), 'long');
  writeFileSync(bytesPath(dir, '\xfe'.repeat(NAME_MAX_BYTES)), 'long, not UTF-8');
  writeFileSync(join(dir, 'ünïcödé-名前'), 'UTF-8');
  // These sort between a directory and what it holds, in byte order.
  mkdirSync(join(dir, 'sort'));
  for (const name of ['sort/inner', 'sort-', 'sort.txt', 'sort0']) writeFileSync(join(dir, name), name);
  mkdirSync(join(dir, ...Array.from({ length: 100 }, (_, i) => `level${i}`)), { recursive: true });
  mkdirSync(join(dir, ...Array.from({ length: 12 }, () => 'd'.repeat(250))), { recursive: true });
}

function makeTypes(dir: string): void {
  mkdirSync(join(dir, 'empty-directory'), { recursive: true });
  writeFileSync(join(dir, 'empty-file'), '');
  symlinkSync('nowhere/at-all', join(dir, 'dangling'));
  symlinkSync('/etc/passwd', join(dir, 'absolute'));
  symlinkSync('../names', join(dir, 'relative'));
  symlinkSync(Buffer.from('\xff\n\xfe', 'latin1'), join(dir, 'odd-target'));
  symlinkSync('t'.repeat(4000), join(dir, 'long-target'));
  run('mkfifo', '-m', '0640', join(dir, 'fifo'));
  mkdirSync(join(dir, 'links'));
  writeFileSync(join(dir, 'links', 'one'), 'three names');
  linkSync(join(dir, 'links', 'one'), join(dir, 'empty-directory-link'));
  linkSync(join(dir, 'links', 'one'), join(dir, '..', 'linked-above'));
  linkSync(join(dir, 'fifo'), join(dir, 'links', 'fifo'));
  linkSync(join(dir, 'dangling'), join(dir, 'links', 'dangling'));
  writeFileSync(join(dir, 'links', 'empty'), '');
  linkSync(join(dir, 'links', 'empty'), join(dir, 'links', 'empty-too'));
}

/** A listening socket's name stays when it is renamed before the server closes. */
async function makeSocket(path: string): Promise<void> {
  const server = createServer();
  // Socket addresses are short, layers' paths may be long: so by a short detour.
  const short = `${process.env['TMPDIR'] ?? '/tmp'}/tees-socket-${process.pid}`;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(short, resolve));
  run('mv', short, path);
  await new Promise((resolve) => server.close(resolve));
}

function makeModes(dir: string): void {
  mkdirSync(dir);
  for (const mode of [0o000, 0o400, 0o644, 0o755, 0o777, 0o1644, 0o2755, 0o4755, 0o6711, 0o7777]) {
    const name = mode.toString(8).padStart(4, '0');
    writeFileSync(join(dir, name), name);
    chmodSync(join(dir, name), mode);
    mkdirSync(join(dir, `${name}.d`));
    chmodSync(join(dir, `${name}.d`), mode | 0o700);
  }
}

function makeContents(dir: string): void {
  mkdirSync(dir);
  for (const size of BOUNDARY_SIZES) {
    writeFileSync(join(dir, `size-${size}`), randomBytesOf(1, size));
    // The same bytes in another file: one content, two inodes.
    writeFileSync(join(dir, `copy-${size}`), randomBytesOf(1, size));
  }
  writeFileSync(join(dir, 'zeros'), Buffer.alloc(2 * CHUNK_SIZE_BYTES));
  renameSync(join(dir, 'zeros'), join(dir, 'zeros-with-data'));
}

/** @param data [offset, length] pairs */
function sparseFile(path: string, size: number, data: readonly [offset: number, length: number][]): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  for (const [offset, length] of data) writeSync(fd, randomBytesOf(offset % 251, length), 0, length, offset);
  closeSync(fd);
}

function makeSparse(dir: string): void {
  mkdirSync(dir);
  const block = 64 * 1024;
  sparseFile(join(dir, 'leading-hole'), 8 * block, [[7 * block, block]]);
  sparseFile(join(dir, 'middle-hole'), 8 * block, [
    [0, block],
    [7 * block, block],
  ]);
  sparseFile(join(dir, 'trailing-hole'), 8 * block, [[0, block]]);
  sparseFile(join(dir, 'odd-size'), 8 * block + 13, [[4 * block, block]]);
  sparseFile(join(dir, 'no-data'), 8 * block, []);
  sparseFile(join(dir, 'no-data-odd'), 4097, []);
  // Offsets beyond 32 bits, yet not too much for a program that reads it all.
  sparseFile(join(dir, 'five-gib'), 5 * 2 ** 30, [[9 * 2 ** 29, 100]]);
  // More than a chunk of data before, between and after holes, so that chunks lie in two pieces.
  sparseFile(join(dir, 'chunks'), 40 * block, [
    [2 * block, 5 * block],
    [10 * block, 7 * block],
    [30 * block, block],
  ]);
  linkSync(join(dir, 'chunks'), join(dir, 'chunks-link'));
}

function setXattr(path: string, name: string, value: Buffer | string): void {
  native().setXattr(toBuffer(fromText(path)), Buffer.from(name), Buffer.from(value));
}

/** Linux's posix_acl_xattr.h: version 2, then (tag, permissions, id) each. */
export function aclBytes(entries: readonly [tag: number, permissions: number, id?: number][]): Buffer {
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2, 0);
  entries.forEach(([tag, permissions, id], i) => {
    bytes.writeUInt16LE(tag, 4 + 8 * i);
    bytes.writeUInt16LE(permissions, 6 + 8 * i);
    bytes.writeUInt32LE(id ?? 0xffffffff, 8 + 8 * i);
  });
  return bytes;
}

const [USER_OBJ, USER, GROUP_OBJ, MASK, OTHER] = [0x01, 0x02, 0x04, 0x10, 0x20] as const;

function makeAttributes(dir: string): void {
  mkdirSync(dir);
  for (const name of ['user-attributes', 'acl', 'same-acl', 'both'])
    writeFileSync(join(dir, name), `attributes ${name}`);
  for (const name of ['user-attributes', 'both']) {
    setXattr(join(dir, name), 'user.mime_type', 'text/plain');
    setXattr(join(dir, name), 'user.émpty', '');
    setXattr(join(dir, name), 'user.binary', Buffer.from([0, 255, 10, 0]));
    setXattr(join(dir, name), 'user.long', Buffer.alloc(2000, 'x'));
  }
  const acl = aclBytes([
    [USER_OBJ, 6],
    [USER, 7, 12345],
    [GROUP_OBJ, 4],
    [MASK, 5],
    [OTHER, 0],
  ]);
  for (const name of ['acl', 'same-acl', 'both']) setXattr(join(dir, name), 'system.posix_acl_access', acl);
  mkdirSync(join(dir, 'default-acl'));
  setXattr(join(dir, 'default-acl'), 'system.posix_acl_default', acl);
  setXattr(join(dir, 'default-acl'), 'user.on.directory', 'yes');
}

function makeOwners(dir: string): void {
  mkdirSync(dir);
  for (const [uid, gid] of [
    [1000, 1000],
    [65534, 0],
    [2 ** 31 + 5, 2 ** 32 - 2],
  ] as const) {
    writeFileSync(join(dir, `${uid}`), 'owned');
    symlinkSync('owned', join(dir, `${uid}.link`));
    mkdirSync(join(dir, `${uid}.d`));
    for (const name of [`${uid}`, `${uid}.link`, `${uid}.d`]) lchownSync(join(dir, name), uid, gid);
    chmodSync(join(dir, `${uid}`), 0o6755);
  }
}

/** Linux's capability.h: CAP_NET_RAW, permitted and effective; version 3 adds the namespace's root. */
function makeCapabilities(dir: string): void {
  mkdirSync(dir);
  const version2 = Buffer.alloc(20);
  version2.writeUInt32LE(0x02000001, 0);
  version2.writeUInt32LE(1 << 13, 4);
  const version3 = Buffer.concat([version2, Buffer.alloc(4)]);
  version3.writeUInt32LE(0x03000001, 0);
  version3.writeUInt32LE(100_000, 20);
  for (const [name, value] of Object.entries({ version2, version3 })) {
    writeFileSync(join(dir, name), name);
    chmodSync(join(dir, name), 0o755);
    setXattr(join(dir, name), 'security.capability', value);
  }
}

export function makeWhiteout(path: string): void {
  run('mknod', path, 'c', '0', '0');
}

function makeOverlayMarks(dir: string): void {
  mkdirSync(dir);
  makeWhiteout(join(dir, 'whiteout'));
  linkSync(join(dir, 'whiteout'), join(dir, 'hardlinked-whiteout'));
  mkdirSync(join(dir, 'inner'));
  linkSync(join(dir, 'whiteout'), join(dir, 'inner', 'hardlinked-whiteout'));
  for (const namespace of ['trusted', 'user']) {
    const opaque = join(dir, `opaque-${namespace}`);
    mkdirSync(opaque);
    setXattr(opaque, `${namespace}.overlay.opaque`, 'y');
    writeFileSync(join(opaque, 'kept'), namespace);
    setXattr(dir, `${namespace}.overlay.impure`, 'y');
  }
  setXattr(join(dir, 'opaque-trusted', 'kept'), 'trusted.overlay.origin', Buffer.from([0, 251, 1]));
}

function makeTimes(dir: string): void {
  mkdirSync(dir);
  const times = {
    'before-1970': '1969-12-31 23:59:58.123456789 UTC',
    'long-before': '1930-06-01 00:00:00.000000001 UTC',
    epoch: '1970-01-01 00:00:00 UTC',
    'after-2038': '2040-02-03 04:05:06.999999999 UTC',
  };
  for (const [name, time] of Object.entries(times)) {
    writeFileSync(join(dir, name), name);
    symlinkSync(name, join(dir, `${name}.link`));
    mkdirSync(join(dir, `${name}.d`));
    run('touch', '-h', '-d', time, join(dir, name), join(dir, `${name}.link`), join(dir, `${name}.d`));
  }
  run('touch', '-d', '2001-02-03 04:05:06.070809010 UTC', dir);
}
