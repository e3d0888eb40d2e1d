/** Relays that live and are slow: what it costs those below them, and that nobody else is passed by. */
import test from 'ava';
import { runOptions } from '../../../src/simulator/options.js';
import { simulate } from '../../../src/simulator/run.js';
import type { RunOptions } from '../../../src/simulator/options.js';

const SHAPE = { jobs: 1, nodes: 24, groupSize: 6, width: 15, pieces: 2, chunks: 600, keptShare: 0 };
const SEEDS = Array.from({ length: 30 }, (_, seed) => seed + 1);

/** @returns for each seed whose proxy node is made slow by much: seconds until all others have everything */
function others(given: Partial<RunOptions>): number[] {
  return SEEDS.flatMap((seed) => {
    const result = simulate(
      runOptions(seed, { ...SHAPE, faults: 1, kinds: ['slow-relay'], stopShare: 0, ...given }),
    );
    const { violation, faults, completeMs } = result;
    if (violation !== undefined) throw new Error(`seed ${seed}: ${violation}`);
    const [{ nodes: [slow = ''], choice } = { nodes: [], choice: 0 }] = faults;
    const isProxy = Number(slow.slice(1)) % SHAPE.groupSize === 0;
    if (!isProxy || choice < 0.1) return [];
    return Math.max(...[...completeMs].flatMap(([name, ms]) => (name === slow ? [] : [ms / 1000])));
  });
}

test('those below a slow proxy node have everything long before they would have had it from it', (t) => {
  const [passed, waited] = [others({ passesSlow: true }), others({ passesSlow: false })];
  t.true(passed.length >= 5);
  const gained = passed.map((seconds, index) => (waited[index] as number) / seconds).sort((a, b) => a - b);
  t.log(`longest ${Math.max(...passed).toFixed(0)} s instead of ${Math.max(...waited).toFixed(0)} s`);
  t.log(`times faster: ${gained.map((times) => times.toFixed(1)).join(' ')}`);
  t.true((gained[0] as number) >= 1, 'nobody is worse off');
  // Some become slow when most is over, and are left alone.
  t.true((gained[gained.length >> 2] as number) > 10);
});

test('without a slow node the tree stays as it was', (t) => {
  for (const seed of SEEDS.slice(0, 10)) {
    const { violation, replanted } = simulate(runOptions(seed, { ...SHAPE, faults: 0 }));
    t.is(violation, undefined);
    t.is(replanted, 0, `seed ${seed}`);
  }
});
