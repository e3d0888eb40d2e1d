/** The tree that the trial `hook` deploys, as a manifest. Pure. */
import type { ByteString } from '../../src/base/bytes.js';
import { fromText } from '../../src/base/bytes.js';
import { CHUNK_SIZE_BYTES } from '../../src/base/limits.js';
import type { Content, Entry, EntryType, Manifest } from '../../src/image/manifest.js';
import type { Sizes } from './cases.js';

export const ROOT = 'opt/bench';
/** Content numbers follow from the order of paths; these are looked up by path. */
export const CLIENT = `${ROOT}/client`;
export const READ = `${ROOT}/large-read`;
export const MAP = `${ROOT}/large-map`;
/** Never delivered before completion: so that the layer is incomplete. */
export const REST = `${ROOT}/rest`;
/** A subtree for each case, so that none warms another's names. */
export const SUBTREES = {
  open: `${ROOT}/open`,
  stat: `${ROOT}/stat`,
  walk: `${ROOT}/walk`,
  list: `${ROOT}/list`,
} as const;

export interface Tree {
  readonly manifest: Manifest;
  /** By content number. */
  readonly paths: readonly string[];
}

export function makeTree(sizes: Sizes, clientBytes: number): Tree {
  const files = new Map<string, number>([
    [CLIENT, clientBytes],
    [MAP, sizes.largeBytes],
    [READ, sizes.largeBytes],
    [REST, 1],
  ]);
  const directories = new Set(['', 'opt', ROOT, ...Object.values(SUBTREES)]);
  for (const subtree of Object.values(SUBTREES)) {
    for (let directory = 0; directory < sizes.directories; directory++) {
      directories.add(`${subtree}/d${directory}`);
      for (let file = 0; file < sizes.perDirectory; file++)
        files.set(`${subtree}/d${directory}/f${file}`, sizes.smallBytes);
    }
  }
  return assemble(directories, files);
}

/** So many names, a hundred in each directory, as for a large installation. */
export function makeNames(count: number): Tree {
  const directories = new Set(['']);
  const files = new Map<string, number>();
  for (let i = 0; directories.size - 1 + files.size < count; i++) {
    const directory = `d${Math.floor(i / 99)}`;
    directories.add(directory);
    files.set(`${directory}/f${i % 99}`, 4096);
  }
  return assemble(directories, files);
}

function assemble(directories: ReadonlySet<string>, files: ReadonlyMap<string, number>): Tree {
  const entries: Entry[] = [];
  const contents: Content[] = [];
  const paths: string[] = [];
  let chunks = 0;
  for (const path of [...directories, ...files.keys()].sort()) {
    const size = files.get(path);
    if (size === undefined) {
      entries.push(entry(path, 'directory', 0));
      continue;
    }
    const chunkCount = Math.ceil(size / CHUNK_SIZE_BYTES);
    entries.push({ ...entry(path, 'file', size), content: contents.length });
    contents.push({ size, extents: [0, size], firstChunk: chunks, chunkCount });
    paths.push(path);
    chunks += chunkCount;
  }
  // Nothing is verified here: contents are put where they belong by hand.
  return { manifest: { entries, contents, digests: Buffer.alloc(0) }, paths };
}

function entry(path: string, type: EntryType, size: number): Entry {
  const metadata = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 1_700_000_000, mtimeNanoseconds: 0 };
  return { path: fromText(path) satisfies ByteString, type, ...metadata, xattrs: [], opaque: false, size };
}
