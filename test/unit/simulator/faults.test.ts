/** Small runs with a fixed list of seeds, each kind of fault by itself and all together. */
import test from 'ava';
import { FAULT_KINDS } from '../../../src/simulator/faults.js';
import type { FaultKind } from '../../../src/simulator/faults.js';
import { runOptions } from '../../../src/simulator/options.js';
import { simulate } from '../../../src/simulator/run.js';
import type { RunResult } from '../../../src/simulator/run.js';

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed + 1);

function runs(kinds: readonly FaultKind[]): RunResult[] {
  return SEEDS.map((seed) => simulate(runOptions(seed, { faults: 3, kinds, fatalShare: 1 })));
}

for (const kind of FAULT_KINDS)
  test(`fault: ${kind}`, (t) => {
    for (const { options, violation } of runs([kind])) t.is(violation, undefined, `seed ${options.seed}`);
  });

test('a damaged unit, and a full store, end the job everywhere; nobody takes or passes on what is damaged', (t) => {
  const failures = (kind: FaultKind): Set<string | undefined> =>
    new Set(runs([kind]).map(({ failure }) => failure));
  t.true(failures('corrupt').has('CHUNK_CORRUPT'));
  t.true(failures('full').has('STORE_FULL'));
});

test('nodes that are cut off for good are lost, and the others go on', (t) => {
  t.true(runs(['power-off']).some(({ lost }) => lost > 0));
  t.true(runs(['break-link']).every(({ lost }) => lost === 0));
});

test('a run follows from its seed', (t) => {
  const trace = (): string[] => {
    const lines: string[] = [];
    simulate(runOptions(7, { faults: 6 }), (line) => lines.push(line));
    return lines;
  };
  t.deepEqual(trace(), trace());
  t.true(trace().length > 0);
});
