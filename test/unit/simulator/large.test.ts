/** Trees of thousands of nodes. */
import test from 'ava';
import { runOptions } from '../../../src/simulator/options.js';
import { simulate } from '../../../src/simulator/run.js';

const LARGE = { jobs: 1, nodes: 2400, groupSize: 16, width: 15, pieces: 2, chunks: 40 };

test('2,400 nodes: every group is sent every unit once', (t) => {
  const { violation, entries, lost } = simulate(runOptions(1, { ...LARGE, faults: 0 }));
  t.is(violation, undefined);
  t.deepEqual(entries, { least: 1, most: 1 });
  t.is(lost, 0);
});

test('2,400 nodes and 60 faults: everybody who can be reached has everything', (t) => {
  const { violation, failure } = simulate(runOptions(2, { ...LARGE, faults: 60, fatalShare: 0 }));
  t.is(violation, undefined);
  t.is(failure, undefined);
});
