/**
 * A store that fills up while a job's layer streams into it, because of somebody else: there was room when the job was
 * taken. The job ends with an error that names the node and says what to do, nothing is left, and the next one works.
 */
import { clusterTests, runWords, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { eventually, tees } from '../../support/tees.js';
import type { Outcome } from '../../support/tees.js';

const maybe = clusterTests(
  { groups: 1, groupSize: 3, uplink: '20mbit', storeSize: '64MiB' },
  {
    // Twelve seconds on this uplink: the store is full long before it has come.
    late: { 'opt/late': Buffer.alloc(30 << 20, 'late') },
    small: { 'opt/file': 'content\n' },
  },
);

function storeOf(t: Test, node: string): string {
  return `${t.context.cluster.stateDirectory}/nodes/${node}/store`;
}

async function onNode(t: Test, node: string, script: string): Promise<string> {
  const { status, stdout, stderr } = await t.context.cluster.exec(node, ['sh', '-c', script]);
  t.is(status, 0, stderr);
  return stdout;
}

/** To the last byte: what is written there from now on is refused. */
async function fill(t: Test, node: string): Promise<void> {
  await onNode(t, node, `cat /dev/zero >${storeOf(t, node)}/filler 2>/dev/null || true`);
}

async function empty(t: Test, node: string): Promise<void> {
  await onNode(t, node, `rm ${storeOf(t, node)}/filler`);
}

/** The layer streams, and something of it is in the node's store. */
async function streaming(t: Test, node: string): Promise<void> {
  const incoming = `${storeOf(t, node)}/jobs/*/incoming/`;
  await eventually(`something streams into ${node}`, async () => {
    const { stdout } = await t.context.cluster.exec(node, ['sh', '-c', `du -ck ${incoming} | tail -1`]);
    return parseInt(stdout, 10) > 256;
  });
}

async function nextJobWorks(t: Test, hook: string): Promise<void> {
  const next = await tees([...runWords(t, 'small', 'cn[0-2]', '--hook', hook), 'cat', '/opt/file']);
  t.is(next.status, 0, next.stderr);
  t.is(next.stdout.match(/content/g)?.length, 3);
}

function namesTheFullStore(t: Test, { status, stderr }: Outcome, node: string): void {
  t.is(status, 1, stderr);
  t.regex(stderr, new RegExp(`tees: STORE_FULL: .*\n  at node ${node}, path /.*\n  .*[Ff]ree space`));
}

for (const [hook, role, node] of [
  ['fuse', 'slave', 'cn1'],
  ['preload', 'proxy', 'cn0'],
] as const)
  maybe(`hook ${hook}: the store of a ${role} node fills up while reads wait for the layer`, async (t) => {
    const job = startJob(t, 'late', 'cn[0-2]', 'cat /opt/late | wc -c', '--hook', hook);
    await job.task('cn2');
    await streaming(t, node);
    await fill(t, node);
    namesTheFullStore(t, await job.ended, node);
    t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
    await empty(t, node);
    await nextJobWorks(t, hook);
  });

maybe('a store that is full already refuses a job before anything is sent', async (t) => {
  await fill(t, 'cn1');
  const job = await tees([...runWords(t, 'small', 'cn[0-2]'), 'cat', '/opt/file']);
  namesTheFullStore(t, job, 'cn1');
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
  await empty(t, 'cn1');
  await nextJobWorks(t, 'fuse');
});

maybe('a task that fills the store itself is told so, and its exit status comes back', async (t) => {
  // Nothing of the layer is missing then: what cannot be written is the task's own.
  const script = 'cat /opt/file; cat /dev/zero > /opt/mine; echo "cat: $?"; exit 7';
  const job = await tees([...runWords(t, 'small', 'cn1'), 'sh', '-c', script]);
  t.is(job.status, 7, job.stderr);
  t.regex(job.stderr, /No space left on device/);
  t.regex(job.stdout, /cat: 1/);
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
  await nextJobWorks(t, 'fuse');
});

maybe('a job that its full store refuses takes no other job with it', async (t) => {
  const other = startJob(t, 'small', 'cn[0-2]', 'cat /opt/file; read line; echo $line');
  await other.task('cn0');
  await fill(t, 'cn0');
  const job = await tees([...runWords(t, 'small', 'cn[0-2]'), 'cat', '/opt/file']);
  namesTheFullStore(t, job, 'cn0');
  await empty(t, 'cn0');
  other.stdin.end('done\n');
  const { status, stdout, stderr } = await other.ended;
  t.is(status, 0, stderr);
  t.is(stdout.match(/content/g)?.length, 3);
  t.regex(stdout, /cn0: done/);
});
