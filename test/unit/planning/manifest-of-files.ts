/** Manifests of regular files with a size and no data. */
import { fromText } from '../../../src/base/bytes.js';
import type { Manifest } from '../../../src/image/manifest.js';

type File = readonly [path: string, size: number, content?: number];

/** Equal content numbers are equal files. */
export function manifestOfFiles(...list: readonly File[]): Manifest {
  const sizes: number[] = [];
  const entries = list.map(([path, size, shared]) => {
    const content = shared ?? sizes.length;
    sizes[content] = size;
    return { path, content, size };
  });
  const common = {
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    xattrs: [],
    opaque: false,
  };
  return {
    entries: entries
      .map((it) => ({ ...it, ...common, path: fromText(it.path), type: 'file' as const }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    contents: sizes.map((size) => ({ size, extents: [0, size], firstChunk: 0, chunkCount: 0 })),
    digests: Buffer.alloc(0),
  };
}
