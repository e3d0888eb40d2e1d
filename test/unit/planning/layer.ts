/** A layer for tests: a real directory and the manifest of it, without digests. */
import type { Stats } from 'node:fs';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ByteString } from '../../../src/base/bytes.js';
import { fromBuffer, toBuffer } from '../../../src/base/bytes.js';
import type { Content, Entry, EntryType, Manifest } from '../../../src/image/manifest.js';

/** A directory that goes when the test ends. */
export function temporaryDirectory(t: ExecutionContext): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'tees-planning-')));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** `upper` and `root`, both empty. */
export function emptyTrees(t: ExecutionContext): { upper: string; root: string } {
  const directory = temporaryDirectory(t);
  const [upper, root] = [join(directory, 'upper'), join(directory, 'root')];
  for (const path of [upper, root]) mkdirSync(path);
  return { upper, root };
}

/** @param opaque paths of directories that hide the node's */
export function manifestOf(upper: string, opaque: readonly string[] = []): Manifest {
  const paths = ['' as ByteString, ...namesBelow(upper, '' as ByteString)].sort();
  const entries: Entry[] = [];
  const contents: Content[] = [];
  const inodes = new Map<number, number>();
  for (const path of paths) {
    const full = toBuffer(`${upper}/${path}` as ByteString);
    const stat = lstatSync(full);
    const first = stat.isFile() && stat.nlink > 1 ? inodes.get(stat.ino) : undefined;
    if (stat.isFile() && first === undefined) inodes.set(stat.ino, entries.length);
    const content = first === undefined ? newContent(contents, stat) : entries[first]?.content;
    entries.push({
      path,
      type: typeOf(stat),
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      mtimeSeconds: 0,
      mtimeNanoseconds: 0,
      xattrs: [],
      opaque: opaque.includes(path),
      size: stat.isFile() ? stat.size : 0,
      ...(stat.isSymbolicLink() ? { target: fromBuffer(readlinkSync(full, { encoding: 'buffer' })) } : {}),
      ...(content === undefined ? {} : { content }),
      ...(first === undefined ? {} : { hardlinkTo: first }),
    });
  }
  return { entries, contents, digests: Buffer.alloc(0) };
}

function newContent(contents: Content[], stat: Stats): number | undefined {
  const data = Math.min(stat.size, stat.blocks * 512);
  if (!stat.isFile() || data === 0) return undefined;
  contents.push({ size: stat.size, extents: [0, data], firstChunk: 0, chunkCount: 0 });
  return contents.length - 1;
}

function typeOf(stat: Stats): EntryType {
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  return stat.isCharacterDevice() ? 'whiteout' : 'file';
}

function namesBelow(upper: string, directory: ByteString): ByteString[] {
  const listed = toBuffer(`${upper}/${directory}` as ByteString);
  return readdirSync(listed, { encoding: 'buffer' }).flatMap((name) => {
    const path = (directory === '' ? fromBuffer(name) : `${directory}/${fromBuffer(name)}`) as ByteString;
    const stat = lstatSync(toBuffer(`${upper}/${path}` as ByteString));
    return stat.isDirectory() ? [path, ...namesBelow(upper, path)] : [path];
  });
}
