/**
 * Jobs that carry the same to the same nodes at the same time: it travels once. Each has an environment of its own, and none
 * depends on the one that happens to be sent it.
 */
import { randomBytes } from 'node:crypto';
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { eventually, linesByNode } from '../../support/tees.js';
import type { RunningJob } from '../../support/tees.js';

const LARGE_BYTES = 5 << 20;
const SMALL = 60;
const SMALL_BYTES = 20_000;
const LAYER_BYTES = LARGE_BYTES + SMALL * SMALL_BYTES;
const ALIKE = 5;

function layer(): Record<string, Buffer> {
  const small = Array.from(
    { length: SMALL },
    (_, i) => [`opt/small/${i}`, randomBytes(SMALL_BYTES)] as const,
  );
  return { ...Object.fromEntries(small), 'opt/large': randomBytes(LARGE_BYTES) };
}

const SAME = layer();
const maybe = clusterTests(
  // Not for five copies of a layer.
  { groups: 1, groupSize: 2, uplink: '20mbit', storeSize: '24MiB', storeCache: '4MiB' },
  {
    first: layer(),
    second: layer(),
    third: layer(),
    fifth: layer(),
    fourth: SAME,
    more: { ...SAME, 'opt/more': randomBytes(50_000) },
  },
);

async function bytesIn(t: Test): Promise<number> {
  const [uplink] = await t.context.cluster.uplinkCounters();
  return uplink?.inBytes ?? 0;
}

const READ = 'cat /opt/large | wc -c; cat /opt/small/* | wc -c; echo mine >/opt/mine; cat /opt/mine';

async function endsWell(t: Test, job: RunningJob, nodes: readonly string[]): Promise<void> {
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 0, stderr);
  const said = [`${LARGE_BYTES}`, `${SMALL * SMALL_BYTES}`, 'mine'];
  for (const node of nodes) t.deepEqual(linesByNode(stdout).get(node), said, node);
}

for (const hook of ['fuse', 'preload'])
  maybe(`what ${ALIKE} jobs carry to a node crosses its uplink once, with the hook ${hook}`, async (t) => {
    t.timeout(120_000);
    const before = await bytesIn(t);
    const name = hook === 'fuse' ? 'first' : 'second';
    const jobs = Array.from({ length: ALIKE }, () => startJob(t, name, 'cn[0-1]', READ, '--hook', hook));
    for (const job of jobs) await endsWell(t, job, ['cn0', 'cn1']);
    const bytes = (await bytesIn(t)) - before;
    t.log(`${(bytes / LAYER_BYTES).toFixed(2)} of the layer`);
    t.true(bytes < 1.6 * LAYER_BYTES, `${bytes} of ${LAYER_BYTES}`);
    t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
  });

maybe('the one that is sent it may be cancelled: the others are sent the rest', async (t) => {
  t.timeout(120_000);
  const before = await bytesIn(t);
  const first = startJob(t, 'third', 'cn1', 'cat /opt/large | wc -c');
  await first.task('cn1');
  const others = [1, 2].map(() => startJob(t, 'third', 'cn1', READ));
  for (const job of others) await job.task('cn1');
  await eventually('a part of it has come', async () => (await bytesIn(t)) - before > LAYER_BYTES / 4);
  first.signal('SIGTERM');
  await first.ended;
  for (const job of others) await endsWell(t, job, ['cn1']);
  t.true((await bytesIn(t)) - before < 2 * LAYER_BYTES);
});

maybe(
  'a node that is frozen while others wait for what comes by it holds them up for a while at most',
  async (t) => {
    t.timeout(120_000);
    const { cluster } = t.context;
    // The narrowest tree: cn1 has it from cn0.
    const narrow = ['--width', '1', '--on-loss', 'continue'];
    const [first, second] = [
      startJob(t, 'fifth', 'cn[0-1]', 'cat /opt/large | wc -c', ...narrow),
      startJob(t, 'fifth', 'cn[0-1]', READ, ...narrow),
    ];
    await first.task('cn1');
    await second.task('cn1');
    await cluster.signalNode('cn0', 'SIGSTOP');
    try {
      await eventually('the frozen node is lost', async () => (await second.ended).status !== undefined);
    } finally {
      await cluster.signalNode('cn0', 'SIGCONT');
    }
    const { stdout, stderr } = await second.ended;
    t.deepEqual(linesByNode(stdout).get('cn1'), [`${LARGE_BYTES}`, `${SMALL * SMALL_BYTES}`, 'mine'], stderr);
    await first.ended;
  },
);

maybe('who lacks more is sent what it lacks, and does not wait for others', async (t) => {
  t.timeout(120_000);
  const jobs = ['fourth', 'more', 'fourth'].map((name) => startJob(t, name, 'cn0', READ));
  for (const job of jobs) await endsWell(t, job, ['cn0']);
});
