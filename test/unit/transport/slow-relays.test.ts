/** Who passes on too slowly, by what is seen of it once a second. */
import test from 'ava';
import { PACE_INTERVAL_MS, SlowRelays } from '../../../src/transport/slow-relays.js';

const TOTAL = 1000;

interface Simulated {
  readonly nodes: number;
  /** Bytes a second: what it is sent, and what each node below it gets. */
  readonly own: number;
  readonly below: number;
  /** Seconds during which nothing happens. */
  readonly pause?: readonly [number, number];
}

/** @returns "NAME at SECONDS" for each that was told */
function watch(children: Readonly<Record<string, Simulated>>, seconds = 60): string[] {
  let nowMs = 0;
  const slow = new SlowRelays({ nowMs: () => nowMs }, TOTAL);
  const told: string[] = [];
  const state = new Map(Object.keys(children).map((name) => [name, { own: 0, below: 0 }]));
  for (let second = 0; second < seconds; second++, nowMs += PACE_INTERVAL_MS) {
    const looked = Object.entries(children).map(([name, { nodes, own, below, pause }]) => {
      const at = state.get(name) as { own: number; below: number };
      if (!pause || second < pause[0] || second >= pause[1]) {
        at.own = Math.min(TOTAL, at.own + own);
        at.below = Math.min(at.own, at.below + below);
      }
      return { name, nodes, sent: at.own, arrived: at.own + (nodes - 1) * at.below };
    });
    for (const name of slow.look(looked)) told.push(`${name} at ${second}`);
  }
  return told;
}

const WELL = { nodes: 4, own: 50, below: 50 };

test('everybody at the same pace, or all slow alike: nobody is', (t) => {
  t.deepEqual(watch({ a: WELL, b: WELL, c: WELL }), []);
  const slow = { nodes: 4, own: 1, below: 1 };
  t.deepEqual(watch({ a: slow, b: slow, c: slow }), []);
});

test('one that passes little on is told once, after some seconds', (t) => {
  t.deepEqual(watch({ a: WELL, b: WELL, c: { nodes: 4, own: 50, below: 2 } }), ['c at 6']);
});

test('one that itself gets little passes little on', (t) => {
  t.deepEqual(watch({ a: WELL, b: WELL, c: { nodes: 4, own: 2, below: 2 } }), ['c at 6']);
  t.deepEqual(watch({ a: WELL, c: { nodes: 2, own: 2, below: 2 } }), ['c at 6']);
});

test('siblings that are done are compared with, too', (t) => {
  t.deepEqual(watch({ a: { nodes: 4, own: 900, below: 900 }, c: { nodes: 4, own: 500, below: 2 } }), [
    'c at 6',
  ]);
});

test('one whose children are not ready yet is not slow', (t) => {
  t.deepEqual(watch({ a: WELL, b: WELL, c: { nodes: 4, own: 20, below: 0 } }), []);
});

test('half as fast is not slow, nor is one with nobody below it, nor one without siblings', (t) => {
  t.deepEqual(watch({ a: WELL, b: WELL, c: { nodes: 4, own: 25, below: 25 } }), []);
  t.deepEqual(watch({ a: WELL, b: WELL, c: { nodes: 1, own: 1, below: 0 } }), []);
  t.deepEqual(watch({ c: { nodes: 4, own: 50, below: 2 } }), []);
});

test('of one node below a fast one nobody can say which of the two is slow', (t) => {
  t.deepEqual(watch({ a: WELL, b: WELL, c: { nodes: 2, own: 50, below: 2 } }), []);
});

test('a pause of some seconds is no slowness', (t) => {
  t.deepEqual(watch({ a: WELL, b: WELL, c: { ...WELL, pause: [3, 6] } }), []);
});

test('what is nearly over is left alone', (t) => {
  const fast = { nodes: 4, own: 400, below: 400 };
  t.deepEqual(watch({ a: fast, b: fast, c: { nodes: 4, own: 400, below: 90 } }), []);
});

test('who has others below it than before is looked at anew', (t) => {
  let nowMs = 0;
  const slow = new SlowRelays({ nowMs: () => nowMs }, TOTAL);
  for (let second = 0; second < 20; second++, nowMs += PACE_INTERVAL_MS) {
    const a = { name: 'a', nodes: 4, sent: 50 * second, arrived: 200 * second };
    // Every three seconds another tree.
    const c = { name: 'c', nodes: 4 + (Math.floor(second / 3) % 2), sent: second, arrived: 2 * second };
    t.deepEqual(slow.look([a, c]), []);
  }
});
