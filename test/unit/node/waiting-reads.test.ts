import test from 'ava';
import { WaitingReads } from '../../../src/node/waiting-reads.js';
import { WaitsTeller } from '../../../src/node/waits-teller.js';
import type { PresentWaits } from '../../../src/wire/waits.js';

const CHUNK = 256 * 1024;
/** Content c is the chunks 2c and 2c + 1; they are sent in the order of their numbers. */
const CARGO = { chunkOrder: [0, 1, 2, 3, 4, 5, 6, 7], pathOf: (content: number) => `/${content}` };

function reads(demand: boolean) {
  let now = 0;
  let held = 0;
  const waiting = new WaitingReads(
    {
      node: 'cn1',
      demand,
      store: {
        get bytesHeld() {
          return held;
        },
        has: (chunk) => chunk < 2,
        chunksOf: (content) => [2 * content, 2],
      },
      arrivals: {
        blocked: () => [
          { content: 1, seconds: 1 },
          { content: 3, seconds: 9 },
        ],
      },
    },
    { nowMs: () => now },
  );
  return { waiting, at: (ms: number, bytes: number) => ([now, held] = [ms, bytes]) };
}

for (const [how, demand, expected] of [
  ['in the order asked', true, [1, 2]],
  ['in the order of sending', false, [3, 1]],
] as const) {
  test(`what is expected follows from what comes before it ${how}`, (t) => {
    const { waiting, at } = reads(demand);
    waiting.now(CARGO);
    at(1000, 2 * CHUNK);
    const { count, waits } = waiting.now(CARGO);
    t.is(count, 2);
    t.deepEqual(
      waits.map(({ path }) => path),
      ['/3', '/1'],
    );
    t.deepEqual(
      waits.map((wait) => wait.expected),
      [...expected],
    );
  });
}

test('when nothing flows, what is expected is unknown', (t) => {
  const { waiting } = reads(true);
  t.true(waiting.now(CARGO).waits.every(({ expected }) => expected === undefined));
});

test('a parent is told when others wait, else once a second while any do', (t) => {
  let now = 0;
  const told: number[] = [];
  const teller = new WaitsTeller(({ count }) => told.push(count), { nowMs: () => now });
  const waits = (...paths: string[]): PresentWaits => ({
    count: paths.length,
    waits: paths.map((path) => ({ node: 'a', path, seconds: now })),
  });
  teller.observe(waits());
  t.deepEqual(told, []);
  for (; now < 1000; now += 200) teller.observe(waits('/x'));
  t.deepEqual(told, [1], 'the same is not said again within a second');
  teller.observe(waits('/x'));
  teller.observe(waits('/x', '/y'));
  teller.observe(waits());
  teller.observe(waits());
  t.deepEqual(told, [1, 1, 2, 0]);
});
