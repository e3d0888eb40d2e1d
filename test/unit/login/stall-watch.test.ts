import test from 'ava';
import { StallWatch } from '../../../src/login/stall-watch.js';

function watchAt(deadlineMs: number): { watch: StallWatch; at: (ms: number) => void } {
  let now = 0;
  return { watch: new StallWatch(deadlineMs, { nowMs: () => now }), at: (ms) => (now = ms) };
}

test('a stream that moves has not stalled, however slowly it moves', (t) => {
  const { watch, at } = watchAt(100);
  for (let i = 1; i <= 10; i++) {
    at(i * 90);
    watch.observe(i);
    t.false(watch.stalled);
  }
});

test('a stream that does not move has stalled after the deadline', (t) => {
  const { watch, at } = watchAt(100);
  watch.observe(5);
  at(100);
  watch.observe(5);
  t.false(watch.stalled);
  at(101);
  t.true(watch.stalled);
});

test('time in which the user takes no output does not count', async (t) => {
  const { watch, at } = watchAt(100);
  let taken: () => void = () => {};
  const paused = watch.pauseWhile(new Promise((resolve) => (taken = resolve)));
  at(1000);
  t.false(watch.stalled);
  taken();
  await paused;
  t.false(watch.stalled);
  at(1101);
  t.true(watch.stalled);
});
