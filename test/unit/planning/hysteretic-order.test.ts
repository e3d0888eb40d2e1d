import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import type { Manifest } from '../../../src/image/manifest.js';
import { hystereticOrder } from '../../../src/planning/hysteretic-order.js';

/** A manifest of files given as path and size; equal content numbers are hardlinks or equal files. */
function files(...list: readonly (readonly [path: string, size: number, content?: number])[]): Manifest {
  const sizes: number[] = [];
  const entries = list.map(([path, size, shared]) => {
    const content = shared ?? sizes.length;
    sizes[content] = size;
    return { path, content, size };
  });
  return {
    entries: entries
      .map((it) => ({
        ...it,
        path: fromText(it.path),
        type: 'file' as const,
        ...{ mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, mtimeNanoseconds: 0, xattrs: [], opaque: false },
      }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    contents: sizes.map((size) => ({ size, extents: [0, size], firstChunk: 0, chunkCount: 0 })),
    digests: Buffer.alloc(0),
  };
}

test('small before large, whatever their paths', (t) => {
  t.deepEqual(hystereticOrder(files(['a', 5e8], ['b', 2e6], ['c', 100]), new Set()), [2, 1, 0]);
});

test('files of similar size in the order of their paths', (t) => {
  t.deepEqual(hystereticOrder(files(['p/b', 10], ['p/a', 4000], ['o', 1]), new Set()), [2, 1, 0]);
});

test('documentation, caches and static libraries after everything else', (t) => {
  const manifest = files(['usr/share/doc/x', 10], ['usr/lib/liba.a', 10], ['usr/lib/liba.so', 1e9]);
  t.deepEqual(hystereticOrder(manifest, new Set()), [2, 1, 0]);
});

test('a content with a name that is likely to be read counts by that name', (t) => {
  const manifest = files(['usr/share/doc/x', 10, 0], ['usr/share/x', 10, 0], ['zz', 20, 1]);
  t.deepEqual(hystereticOrder(manifest, new Set()), [0, 1]);
});

test('every content once, without the urgent ones', (t) => {
  const manifest = files(['a', 10, 0], ['b', 10, 0], ['c', 20, 1], ['d', 30, 2]);
  t.deepEqual(hystereticOrder(manifest, new Set([1])), [0, 2]);
});

test('half of the files are there after a hundredth of a heavy-tailed layer', (t) => {
  const list = Array.from({ length: 1000 }, (_, i) => [`f${i}`, 100 * 1.013 ** i] as const);
  const manifest = files(...list);
  const sizes = hystereticOrder(manifest, new Set()).map((content) => list[content]?.[1] ?? 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const half = sizes.slice(0, 500).reduce((sum, size) => sum + size, 0);
  t.true(half < total / 100, `${half} of ${total}`);
});
