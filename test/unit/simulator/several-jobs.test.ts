/** Jobs at the same time on the same nodes, which wait for what is on its way for others. */
import test from 'ava';
import { FAULT_KINDS } from '../../../src/simulator/faults.js';
import { runOptions } from '../../../src/simulator/options.js';
import { simulate } from '../../../src/simulator/run.js';
import type { RunOptions } from '../../../src/simulator/options.js';
import type { RunResult } from '../../../src/simulator/run.js';

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed + 1);
const ALIKE = {
  nodes: 16,
  groupSize: 8,
  width: 15,
  pieces: 1,
  chunks: 50,
  keptShare: 0,
  sameShare: 1,
  misplacedShare: 0,
};

function runs(given: Partial<RunOptions>): RunResult[] {
  return SEEDS.map((seed) => simulate(runOptions(seed, given)));
}

for (const [what, given] of [
  ['alike, by one tree', { sameShare: 1, otherTreeShare: 0 }],
  ['alike, by trees of their own', { sameShare: 1, otherTreeShare: 1 }],
  ['which have a part in common', { sameShare: 0.5 }],
  ['some of which are cancelled', { cancelShare: 0.6 }],
] as const)
  for (const [how, faults] of [
    ['without', 0],
    ['with', 6],
  ] as const)
    test(`several jobs ${what}, ${how} faults: none waits for ever`, (t) => {
      for (const { options, violation } of runs({ jobs: 3, kinds: FAULT_KINDS, faults, ...given }))
        t.is(violation, undefined, `seed ${options.seed}`);
    });

test('what one of them is sent the others are not', (t) => {
  const arrived = (seed: number, jobs: number): number =>
    simulate(runOptions(seed, { ...ALIKE, jobs, faults: 0, cancelShare: 0, otherTreeShare: 0 })).arrived;
  const [document, layer] = [ALIKE.nodes * ALIKE.pieces, ALIKE.nodes * (ALIKE.pieces + ALIKE.chunks)];
  for (const seed of SEEDS) t.is(arrived(seed, 1), layer);
  const four = SEEDS.map((seed) => arrived(seed, 4));
  const ideal = four.filter((units) => units === layer + 3 * document).length;
  // Of jobs that begin within some milliseconds the older may be the later one on a node, and waits for no younger one.
  t.true(ideal > SEEDS.length / 2, `${ideal} of ${SEEDS.length}`);
  t.true(four.every((units) => units < 2.5 * layer));
  t.log(`in ${ideal} of ${SEEDS.length} runs nothing but their documents`);
});
