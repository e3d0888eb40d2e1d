/** Whose a PBS job is, from what qstat has been seen to say (OpenPBS 23, qstat -f -F json). */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { TeesError } from '../../../src/base/errors.js';
import { pbs, readIdleNodes, readJobs } from '../../../src/resource-manager/pbs.js';

const ATTRIBUTES = {
  Job_Name: 'STDIN',
  Job_Owner: 'daemon@login.cluster.example',
  resources_used: { cpupct: 0, cput: '00:00:00', mem: '0b', ncpus: 2, vmem: '0b', walltime: '00:00:02' },
  job_state: 'R',
  queue: 'workq',
  server: 'login',
  exec_host: 'cn0/0*4+cn0/1*4+cn1.cluster.example/0*4',
  exec_vnode: '(cn0:ncpus=4)+(cn0:ncpus=4)+(cn1:ncpus=4)',
  Variable_List: { PBS_O_HOME: '/home/u', PBS_O_WORKDIR: '/home/u' },
};

const answer = (jobs: Record<string, unknown>): string =>
  JSON.stringify({ timestamp: 1700000000, pbs_version: '23.06.06', pbs_server: 'login', Jobs: jobs });
const job = (change: Record<string, unknown> = {}): unknown =>
  readJobs(answer({ '12.login': { ...ATTRIBUTES, ...change } })).get('12.login');

test('owner, nodes once and without domain, and that it runs', (t) => {
  t.deepEqual(job(), { user: 'daemon', nodes: ['cn0', 'cn1'], runs: true });
  for (const state of ['S', 'U']) t.like(job({ job_state: state }), { runs: true });
  for (const state of ['Q', 'H', 'W', 'T', 'E', 'F', 'X', 'B', undefined])
    t.like(job({ job_state: state }), { runs: false });
});

test('a job that waits has no nodes', (t) => {
  t.deepEqual(job({ job_state: 'Q', exec_host: undefined }), { user: 'daemon', nodes: [], runs: false });
});

test('as whom it runs counts, and not who has submitted it; where that is not told it is nobody', (t) => {
  t.like(job({ euser: 'bin', User_List: 'bin@login' }), { user: 'bin' });
  t.like(job({ User_List: 'bin@login' }), { user: '' });
  t.like(job({ Job_Owner: undefined }), { user: '' });
});

test('what is no answer is none', (t) => {
  t.is(readJobs('').size, 0);
  t.is(readJobs('{}').size, 0);
  t.is(t.throws<TeesError>(() => readJobs('qstat: help'))?.code, 'RESOURCE_MANAGER_SILENT');
});

test('a node is idle that is in service and has no job', (t) => {
  const node = {
    Mom: 'cn0.cluster.example',
    ntype: 'PBS',
    state: 'free',
    pcpus: 4,
    resources_available: { host: 'cn0' },
  };
  const nodes = {
    'cn0.cluster.example': node,
    cn1: { ...node, jobs: ['12.login/0'] },
    cn2: { ...node, state: 'job-busy', jobs: ['12.login/0'] },
    cn3: { ...node, state: 'offline' },
    cn4: { ...node, state: 'state-unknown,down' },
  };
  t.deepEqual([...readIdleNodes(JSON.stringify({ timestamp: 1700000000, nodes }))], ['cn0']);
  t.is(t.throws<TeesError>(() => readIdleNodes('pbsnodes: error'))?.code, 'RESOURCE_MANAGER_SILENT');
});

/** With a qstat that is this script. */
async function withQstat<Value>(
  t: ExecutionContext,
  script: string,
  use: () => Promise<Value>,
): Promise<Value> {
  const directory = mkdtempSync(join(tmpdir(), 'tees-qstat-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'pbs.conf'), `# of a test\nPBS_EXEC=${directory}\n`);
  writeFileSync(join(directory, 'bin/qstat'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, 'bin/qstat'), 0o755);
  process.env['PBS_CONF_FILE'] = join(directory, 'pbs.conf');
  try {
    return await use();
  } finally {
    delete process.env['PBS_CONF_FILE'];
  }
}

test.serial('it is asked for jobs, and nothing that is no job’s name', async (t) => {
  const say = `[ "$*" = "-f -F json 12.login 13[2].login" ] || exit 9; echo '${answer({ '12.login': ATTRIBUTES })}'; echo 'qstat: Unknown Job Id 13[2].login' >&2; exit 153`;
  const known = await withQstat(t, say, () =>
    pbs.lookUp(['12.login', '13[2].login', '--help', '; reboot', '']),
  );
  t.deepEqual([...known], [['12.login', { uid: 1, nodes: ['cn0', 'cn1'], runs: true }]]);
  t.is((await withQstat(t, 'exit 9', () => pbs.lookUp(['--help']))).size, 0);
});

test.serial('jobs that are over are no more; a server that is away says nothing of them', async (t) => {
  const gone =
    "echo 'qstat: 12.login Job has finished, use -x or -H to obtain historical job information' >&2; exit 35";
  t.is((await withQstat(t, gone, () => pbs.lookUp(['12.login']))).size, 0);
  const away =
    'echo "Connection refused" >&2; echo "qstat: cannot connect to server login (errno=111)" >&2; exit 111';
  for (const script of [
    away,
    'exit 1',
    "echo 'qstat: Unknown Job Id 12.login' >&2; echo 'more' >&2; exit 153",
  ]) {
    const error = await t.throwsAsync<TeesError>(() => withQstat(t, script, () => pbs.lookUp(['12.login'])));
    t.is(error.code, 'RESOURCE_MANAGER_SILENT', script);
  }
});

test.serial('a user whom the login node does not know is nobody', async (t) => {
  const say = `echo '${answer({ '12.login': { ...ATTRIBUTES, euser: 'nobody-of-this-name' } })}'`;
  const known = await withQstat(t, say, () => pbs.lookUp(['12.login']));
  t.is(known.get('12.login')?.uid, -1);
});
