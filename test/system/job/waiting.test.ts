/**
 * Reads that wait: they are seen while they do, their job can be ended by who may, and within a second or so; and when
 * the stream stalls, they do what the job's policy says.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsOf } from '../../support/remains.js';
import { eventually, outcome, tees } from '../../support/tees.js';
import type { Outcome } from '../../support/tees.js';
import { jobStatus, setUplink, waitingJob } from '../../support/waiting-jobs.js';

const maybe = clusterTests(
  { groups: 2, groupSize: 2, uplink: '6mbit' },
  // Half a minute on these uplinks: whoever reads it waits.
  { late: { 'opt/late': Buffer.alloc(20 << 20, 'late') } },
);
const NODES = ['cn0', 'cn1', 'cn2', 'cn3'];
const NOBODY = 65534;
const MAIN = new URL('../../../src/cli/main.js', import.meta.url).pathname;
/** The requirement is a second; two cores run a cluster, and other tests. */
const END_MS = 4000;

function cancel(t: Test, job: string): Promise<Outcome> {
  return tees(['cancel', job, '--cluster', t.context.cluster.stateDirectory]);
}

function asNobody(t: Test, ...words: string[]): Promise<Outcome> {
  const args = [MAIN, ...words, '--cluster', t.context.cluster.stateDirectory];
  return outcome(spawn(process.execPath, args, { cwd: '/', uid: NOBODY, gid: NOBODY, stdio: 'pipe' }));
}

maybe(
  'status shows the waiting read; nobody else may end the job; cancel ends it and says by whom',
  async (t) => {
    const job = startJob(t, 'late', 'cn[0-3]', 'exec cat /opt/late');
    const { stream, job: name, phase } = await waitingJob(t, 4);
    t.is(phase, 'streaming');
    t.deepEqual(stream?.waits.map(({ node }) => node).sort(), NODES);
    t.true(stream?.waits.every(({ path, seconds }) => path === '/opt/late' && seconds >= 0));
    await sleep(2500);
    const [later] = await jobStatus(t);
    const longest = later?.stream?.waits[0];
    t.true((longest?.seconds ?? 0) > 2 && (longest?.expected ?? 0) > 1, JSON.stringify(longest));
    t.regex(
      (await tees(['status', '--cluster', t.context.cluster.stateDirectory])).stdout,
      /cn0 .* \/opt\/late/,
    );

    t.deepEqual(JSON.parse((await asNobody(t, 'status', '--json')).stdout), { schema: 1, jobs: [] });
    const forbidden = await asNobody(t, 'cancel', name);
    t.is(forbidden.status, 1);
    t.regex(forbidden.stderr, /JOB_FORBIDDEN/);
    t.regex((await cancel(t, 'none-1')).stderr, /JOB_UNKNOWN/);

    const done = await cancel(t, name);
    t.is(done.status, 0, done.stderr);
    t.regex(done.stdout, /cancelled: torn down on 4 nodes in/);
    t.deepEqual(await remainsOf(t.context.cluster), []);
    const run = await job.ended;
    t.is(run.status, 1);
    t.regex(run.stderr, /CANCELLED: the job was cancelled by user root \(uid 0\)/);
  },
);

maybe('a user ends a job of their own', async (t) => {
  const job = startJob(t, 'late', 'cn[0-1]', 'exec cat /opt/late', '--user', 'nobody');
  const { job: name } = await waitingJob(t, 2);
  const done = await asNobody(t, 'cancel', name);
  t.is(done.status, 0, done.stderr);
  t.regex((await job.ended).stderr, /by user nobody/);
});

const CROWD = 'i=0; while [ $i -lt 250 ]; do cat /opt/late & i=$((i+1)); done; wait';

for (const [what, end] of [
  ['tees cancel', async (t: Test, name: string): Promise<unknown> => cancel(t, name)],
  ['the death of the command', undefined],
] as const) {
  maybe(`${what} ends 1,000 blocked readers on 4 nodes at once, and nothing is left`, async (t) => {
    const job = startJob(t, 'late', 'cn[0-3]', CROWD);
    const { job: name } = await waitingJob(t, 4);
    for (const node of NODES)
      await eventually(`250 readers on ${node}`, async () => {
        const script = 'grep -lz "^TEES_NODE=$1" /proc/[0-9]*/environ 2>/dev/null | wc -l';
        const { stdout } = await t.context.cluster.exec(node, ['sh', '-c', script, 'sh', node]);
        return Number(stdout) >= 250 || undefined;
      });
    const startMs = performance.now();
    if (end) await end(t, name);
    else {
      job.signal('SIGKILL');
      await eventually('no job', async () => (await jobStatus(t)).length === 0 || undefined);
    }
    const tookMs = performance.now() - startMs;
    t.log(`${Math.round(tookMs)} ms`);
    t.true(tookMs < END_MS, `${tookMs} ms`);
    t.deepEqual(await remainsOf(t.context.cluster), []);
    await job.ended;
  });
}

/** The uplink of the second group is cut while its nodes wait, and comes back. */
async function cutOff(t: Test, ms: number): Promise<void> {
  await setUplink(t, 'cn2', 'down');
  await sleep(ms);
  await setUplink(t, 'cn2', 'up');
}

maybe(
  'with the policy error, reads fail with EIO when nothing comes, and wait again when it does',
  async (t) => {
    const script = 'until cat /opt/late > /dev/null; do sleep 0.2; done; echo complete';
    const job = startJob(t, 'late', 'cn2', script, '--on-stall', 'error', '--stall-deadline', '1s');
    await waitingJob(t, 1);
    await cutOff(t, 4000);
    const { status: exit, stdout, stderr } = await job.ended;
    t.is(exit, 0, stderr);
    t.regex(stderr, /cat: \/opt\/late: Input\/output error/);
    t.regex(stderr, /warning: nothing has moved for .*EIO on cn2/);
    t.regex(stdout, /complete/);
  },
);

maybe('with the policy wait, the user is warned, and the reads go on', async (t) => {
  const job = startJob(
    t,
    'late',
    'cn2',
    'cat /opt/late | wc -c',
    '--on-stall',
    'wait',
    '--stall-deadline',
    '1s',
  );
  await waitingJob(t, 1);
  await cutOff(t, 4000);
  const { status: exit, stdout, stderr } = await job.ended;
  t.is(exit, 0, stderr);
  t.regex(stderr, /warning: nothing has moved for .*cn2 wait/);
  t.regex(stderr, /goes on, after/);
  t.regex(stdout, /20971520/);
});

maybe('with the policy cancel, the job ends and names the node', async (t) => {
  const job = startJob(t, 'late', 'cn2', 'cat /opt/late', '--stall-deadline', '1s');
  await waitingJob(t, 1);
  await cutOff(t, 3000);
  const { status: exit, stderr } = await job.ended;
  t.is(exit, 1);
  t.regex(stderr, /STREAM_STALLED: nothing has moved for .*\n +at node cn2/);
});
