/** What squeue says of jobs, from what Slurm 22.05 has been seen to print. */
import test from 'ava';
import { readJobs } from '../../../src/resource-manager/slurm.js';

test('jobs with their owners and nodes; those that end or wait do not run', (t) => {
  const table = [
    '3|4|RUNNING|cn[0-3]',
    '4|65534|COMPLETING|cn1',
    '5|4|PENDING|',
    '7|33|SUSPENDED|cn[0,2]',
    '9|4|COMPLETED|cn0',
    '',
  ].join('\n');
  t.deepEqual(Object.fromEntries(readJobs(table)), {
    3: { uid: 4, nodes: ['cn0', 'cn1', 'cn2', 'cn3'], runs: true },
    4: { uid: 65534, nodes: ['cn1'], runs: false },
    5: { uid: 4, nodes: [], runs: false },
    7: { uid: 33, nodes: ['cn0', 'cn2'], runs: true },
    9: { uid: 4, nodes: ['cn0'], runs: false },
  });
});

test('nothing is no job', (t) => {
  t.is(readJobs('').size, 0);
});
