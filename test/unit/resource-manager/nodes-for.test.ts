/** Nodes of a command: as it names them, or those of the resource manager's job, from what such jobs have been seen to say. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { allocationOf, nodesFor } from '../../../src/resource-manager/resource-managers.js';

/** Of `salloc -N3`, Slurm 22.05, and of a step in it. */
const SLURM = {
  SLURM_JOB_ID: '17',
  SLURM_JOBID: '17',
  SLURM_JOB_NODELIST: 'cn[0-1,7]',
  SLURM_NODELIST: 'cn[0-1,7]',
  SLURM_JOB_NUM_NODES: '3',
};

function inFile(lines: string, use: (path: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'tees-nodefile-'));
  try {
    writeFileSync(join(directory, '1234.pbs'), lines);
    use(join(directory, '1234.pbs'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('what is named is meant, in a job too', (t) => {
  t.is(nodesFor('cn[4-5]', {}), 'cn[4-5]');
  t.is(nodesFor('cn[4-5]', SLURM), 'cn[4-5]');
});

test('in a job of Slurm, its nodes', (t) => {
  t.is(nodesFor(undefined, SLURM), 'cn[0-1,7]');
  t.deepEqual(allocationOf(SLURM), { job: '17', nodes: ['cn0', 'cn1', 'cn7'] });
});

test('in a job of PBS, each of its nodes once, without a domain', (t) => {
  // OpenPBS 20, select=2:ncpus=2:mpiprocs=2.
  inFile('cn3.cluster.example\ncn3.cluster.example\ncn4.cluster.example\ncn4.cluster.example\n', (path) => {
    const environment = { PBS_JOBID: '1234.pbs', PBS_NODEFILE: path };
    t.deepEqual(allocationOf(environment), { job: '1234.pbs', nodes: ['cn3', 'cn4'] });
    t.is(nodesFor(undefined, environment), 'cn[3-4]');
  });
});

test('elsewhere they must be named', (t) => {
  t.is(allocationOf({ SLURM_CONF: '/etc/slurm/slurm.conf' }), undefined);
  const error = t.throws(() => nodesFor(undefined, {}), { instanceOf: TeesError });
  t.is(error?.code, 'NODES_MISSING');
  t.regex(error?.hint ?? '', /Slurm or PBS/);
});

test('a file that is not there is named', (t) => {
  const environment = { PBS_JOBID: '1', PBS_NODEFILE: '/nowhere/nodes' };
  const error = t.throws(() => nodesFor(undefined, environment), { instanceOf: TeesError });
  t.is(error?.code, 'ALLOCATION_UNREADABLE');
  t.is(error?.path, '/nowhere/nodes');
});
