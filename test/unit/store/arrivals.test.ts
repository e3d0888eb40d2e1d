import test from 'ava';
import { Arrivals } from '../../../src/store/arrivals.js';
import type { BlockedWait, WaitOutcome } from '../../../src/store/arrivals.js';

function setUp(contentCount = 4) {
  const clock = { ms: 0, nowMs: () => clock.ms };
  const blocked: number[] = [];
  const released: BlockedWait[] = [];
  const arrivals = new Arrivals(contentCount, clock, {
    blocked: (content) => blocked.push(content),
    released: (wait) => released.push(wait),
  });
  const outcomes: WaitOutcome[] = [];
  const wake = (outcome: WaitOutcome) => void outcomes.push(outcome);
  return { clock, arrivals, blocked, released, outcomes, wake };
}

test('a wait for what is here wakes at once and is not a blocked read', (t) => {
  const { arrivals, blocked, released, outcomes, wake } = setUp();
  arrivals.arrived(2);
  arrivals.wait(2, wake);
  t.deepEqual(outcomes, ['arrived']);
  t.deepEqual(blocked, []);
  t.deepEqual(released, []);
});

test('all who wait for a content wake when it arrives, and nobody else', (t) => {
  const { arrivals, outcomes, wake } = setUp();
  arrivals.wait(1, wake);
  arrivals.wait(1, wake);
  arrivals.wait(3, () => t.fail('content 3 has not arrived'));
  t.deepEqual(outcomes, []);
  arrivals.arrived(1);
  t.deepEqual(outcomes, ['arrived', 'arrived']);
  t.true(arrivals.isHere(1));
  t.false(arrivals.isHere(3));
});

test('blocked is told once a content, released with the seconds since the first wait', (t) => {
  const { clock, arrivals, blocked, released, wake } = setUp();
  arrivals.wait(1, wake);
  clock.ms = 1500;
  arrivals.wait(1, wake);
  clock.ms = 2000;
  t.deepEqual(arrivals.blocked(), [{ content: 1, seconds: 2 }]);
  arrivals.arrived(1);
  t.deepEqual(blocked, [1]);
  t.deepEqual(released, [{ content: 1, seconds: 2 }]);
  t.deepEqual(arrivals.blocked(), []);
});

test('after fail everybody who waits, now or later, fails; what is here stays readable', (t) => {
  const { arrivals, outcomes, wake } = setUp();
  arrivals.arrived(0);
  arrivals.wait(1, wake);
  arrivals.wait(2, wake);
  arrivals.fail();
  arrivals.wait(3, wake);
  arrivals.wait(0, wake);
  t.deepEqual(outcomes, ['failed', 'failed', 'failed', 'arrived']);
});

test('a waiter may wait for another content while it is being woken', (t) => {
  const { arrivals, outcomes, wake } = setUp();
  arrivals.wait(1, () => arrivals.wait(2, wake));
  arrivals.arrived(1);
  t.deepEqual(outcomes, []);
  arrivals.arrived(2);
  t.deepEqual(outcomes, ['arrived']);
});

test('a wait that is cancelled ends without having been released, and only when nobody else waits', (t) => {
  const told: string[] = [];
  const arrivals = new Arrivals(
    1,
    { nowMs: () => 0 },
    { blocked: () => void told.push('blocked'), released: () => void told.push('released') },
  );
  const [first, second] = [(): void => void told.push('first'), (): void => void told.push('second')];
  arrivals.wait(0, first);
  arrivals.wait(0, second);
  arrivals.cancel(0, first);
  t.is(arrivals.blocked().length, 1);
  arrivals.cancel(0, second);
  arrivals.cancel(0, second);
  t.deepEqual(arrivals.blocked(), []);
  arrivals.arrived(0);
  t.deepEqual(told, ['blocked']);
});
