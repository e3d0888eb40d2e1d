/**
 * Reads that wait at the socket of the preload hook: they outlive the daemon that they wait for, and when the stream
 * stalls they do what the job's policy says. The fuse hook's are in restarted-daemons.test.ts and waiting.test.ts.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { eventually } from '../../support/tees.js';
import type { RunningJob } from '../../support/tees.js';
import { jobStatus, killDaemon, setUplink, waitingJob } from '../../support/waiting-jobs.js';

const LATE = Buffer.alloc(5 << 20, 'late');
for (let i = 0; i < LATE.length; i += 4096) LATE.writeUInt32LE(i, i);
const DIGEST = createHash('sha256').update(LATE).digest('hex');

const maybe = clusterTests(
  // Five seconds for the layer.
  { groups: 1, groupSize: 2, uplink: '8mbit' },
  { late: { 'opt/late': LATE, 'opt/early': 'early\n' } },
);

function readingJob(t: Test, nodes: string, script: string, ...options: string[]): RunningJob {
  // A run that has waited would make the file urgent for the next.
  return startJob(t, 'late', nodes, script, '--hook', 'preload', '--no-learn', ...options);
}

for (const [role, node] of [
  ['slave', 'cn1'],
  ['proxy', 'cn0'],
] as const)
  maybe(`the daemon of a ${role} node is killed, twice, while reads wait: none of them fails`, async (t) => {
    // Two programs that wait for the same file, and one that begins to while nobody may be there to ask.
    const script = 'sha256sum /opt/late & sha256sum </opt/late; wait; cat /opt/early';
    const job = readingJob(t, 'cn[0-1]', script);
    await waitingJob(t, 2);
    await killDaemon(t, node);
    await killDaemon(t, node);
    const { status, stdout, stderr } = await job.ended;
    t.is(status, 0, stderr);
    t.is(stdout.match(new RegExp(DIGEST, 'g'))?.length, 4, stdout);
    t.is(stdout.match(/early/g)?.length, 2);
    t.regex(stderr, /2 nodes, all exited with status 0[^]*hook preload/);
    t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
  });

maybe(
  'with the policy error, reads fail with EIO when nothing comes, and wait again when it does',
  async (t) => {
    const script = 'until sha256sum /opt/late; do sleep 0.2; done';
    const job = readingJob(t, 'cn1', script, '--on-stall', 'error', '--stall-deadline', '1s');
    const { job: name } = await waitingJob(t, 1);
    await setUplink(t, 'cn0', 'down');
    await job.says(/warning: nothing has moved for .*EIO on cn1/);
    const log = `${t.context.cluster.stateDirectory}/nodes/cn1/daemon.log`;
    const stalled = `${name}: nothing comes any more`;
    await eventually('the node fails its reads', () => readFileSync(log, 'utf8').includes(stalled));
    await setUplink(t, 'cn0', 'up');
    const { status, stdout, stderr } = await job.ended;
    t.is(status, 0, stderr);
    t.regex(stderr, /sha256sum: \/opt\/late: Input\/output error/);
    t.true(stdout.includes(DIGEST));
  },
);

maybe('with the policy wait, the user is warned, and the reads go on', async (t) => {
  const job = readingJob(t, 'cn1', 'sha256sum /opt/late', '--on-stall', 'wait', '--stall-deadline', '1s');
  await waitingJob(t, 1);
  await setUplink(t, 'cn0', 'down');
  await job.says(/warning: nothing has moved for .*cn1 wait/);
  await setUplink(t, 'cn0', 'up');
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 0, stderr);
  t.regex(stderr, /goes on, after/);
  t.true(stdout.includes(DIGEST));
});

maybe('with the policy cancel, the job ends, names the node, and leaves nothing', async (t) => {
  const job = readingJob(t, 'cn1', 'sha256sum /opt/late', '--on-stall', 'cancel', '--stall-deadline', '2s');
  await waitingJob(t, 1);
  await setUplink(t, 'cn0', 'down');
  await eventually('the job is given up', async () => {
    const [job] = await jobStatus(t);
    return !job || job.phase === 'ending';
  });
  await setUplink(t, 'cn0', 'up');
  const { status, stderr } = await job.ended;
  t.is(status, 1);
  t.regex(stderr, /STREAM_STALLED: nothing has moved for .*\n +at node cn1/);
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
});
