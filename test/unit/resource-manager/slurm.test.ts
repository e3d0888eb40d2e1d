/** What squeue says of jobs, from what Slurm 22.05 has been seen to print. */
import test from 'ava';
import { readJobs } from '../../../src/resource-manager/slurm.js';

test('jobs with their owners and nodes; those that end or wait do not run', (t) => {
  const table = [
    '3|4|RUNNING|cn[0-3]|3|N/A',
    '4|65534|COMPLETING|cn1|4|N/A',
    '5|4|PENDING||5|N/A',
    '7|33|SUSPENDED|cn[0,2]|7|N/A',
    '9|4|COMPLETED|cn0|9|N/A',
    // The last task of an array has the array's own number; those that wait are one line.
    '12|4|RUNNING|cn0|11|1',
    '11|4|PENDING||11|2-40%2',
    '',
  ].join('\n');
  t.deepEqual(Object.fromEntries(readJobs(table)), {
    3: { uid: 4, nodes: ['cn0', 'cn1', 'cn2', 'cn3'], runs: true },
    4: { uid: 65534, nodes: ['cn1'], runs: false },
    5: { uid: 4, nodes: [], runs: false },
    7: { uid: 33, nodes: ['cn0', 'cn2'], runs: true },
    9: { uid: 4, nodes: ['cn0'], runs: false },
    11: { uid: 4, nodes: [], runs: false },
    12: { uid: 4, nodes: ['cn0'], runs: true, array: '11' },
  });
});

test('nothing is no job', (t) => {
  t.is(readJobs('').size, 0);
});
