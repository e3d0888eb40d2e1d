import test from 'ava';
import { PRESENT_WAITS_MAX } from '../../../src/base/limits.js';
import { aged, mergeWaits } from '../../../src/wire/waits.js';
import type { PresentWaits } from '../../../src/wire/waits.js';

function waits(node: string, ...seconds: number[]): PresentWaits {
  return { count: seconds.length, waits: seconds.map((s) => ({ node, path: `/${s}`, seconds: s })) };
}

test('merged: all are counted, the longest are named first', (t) => {
  const merged = mergeWaits([waits('a', 1, 5), waits('b', 3), waits('c')]);
  t.is(merged.count, 3);
  t.deepEqual(
    merged.waits.map(({ node, seconds }) => `${node}${seconds}`),
    ['a5', 'b3', 'a1'],
  );
});

test('merged: bounded, whatever the nodes have told', (t) => {
  const many = Array.from({ length: PRESENT_WAITS_MAX }, (_, i) => i);
  const merged = mergeWaits([waits('a', ...many), waits('b', ...many)]);
  t.is(merged.count, 2 * PRESENT_WAITS_MAX);
  t.is(merged.waits.length, PRESENT_WAITS_MAX);
});

test('a while later they have waited longer, and are expected sooner, but not before now', (t) => {
  const wait = { node: 'a', path: '/x', seconds: 1, expected: 2 };
  t.deepEqual(aged({ count: 1, waits: [wait] }, 0.5).waits, [{ ...wait, seconds: 1.5, expected: 1.5 }]);
  t.is(aged({ count: 1, waits: [wait] }, 5).waits[0]?.expected, 0);
});
