import test from 'ava';
import { countsUpTo, thresholdOf } from '../../../src/planning/threshold.js';

const at = (nodes: number, shared: number, p2p: number): Parameters<typeof thresholdOf>[0][number] => ({
  nodes,
  shared,
  p2p,
});

test('counts double, and end with all nodes', (t) => {
  t.deepEqual(countsUpTo(1), [1]);
  t.deepEqual(countsUpTo(8), [1, 2, 4, 8]);
  t.deepEqual(countsUpTo(10), [1, 2, 4, 8, 10]);
});

test('the threshold lies where both are as fast', (t) => {
  t.is(thresholdOf([at(1, 1, 3), at(2, 2, 3), at(4, 4, 3)]), 3);
  t.is(thresholdOf([at(8, 1, 1.1), at(16, 2, 1.1)]), 9);
});

test('a storage that is never faster is never taken, and one that always is, always', (t) => {
  t.is(thresholdOf([at(1, 2, 1), at(2, 3, 1)]), 0);
  t.is(thresholdOf([at(1, 1, 2), at(2, 1, 2)]), 'never');
});

test('of a measurement that goes to and fro the last change counts', (t) => {
  t.is(thresholdOf([at(1, 1, 2), at(2, 3, 2), at(4, 2, 3), at(8, 5, 3)]), 6);
});
