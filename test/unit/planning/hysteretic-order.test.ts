import test from 'ava';
import { hystereticOrder } from '../../../src/planning/hysteretic-order.js';
import { manifestOfFiles as files } from './manifest-of-files.js';

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

test('what is known to be read goes first, in the order given, and each content once', (t) => {
  const manifest = files(['a', 10], ['b', 5e6], ['c', 5e8], ['d', 20]);
  t.deepEqual(hystereticOrder(manifest, new Set([3]), [2, 1, 2]), [2, 1, 0]);
});
