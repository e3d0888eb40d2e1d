/**
 * Links that break while the daemons at both ends live: the job goes on over new ones, and nobody can tell from what
 * it puts out. A link that does not come back is a lost node.
 */
import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import type { Report } from '../../../src/report/report.js';
import { clusterTests, runWords, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { linesByNode, spawnTees } from '../../support/tees.js';

const LATE = randomFillSync(Buffer.alloc(24 << 20));
const DIGEST = createHash('sha256').update(LATE).digest('hex');

const maybe = clusterTests(
  { groups: 2, groupSize: 3, uplink: '40mbit' },
  { small: { 'opt/file': 'content\n' }, late: { 'opt/late': LATE } },
);

/** Every connection of a node's daemon to or from others is reset. @returns how many */
async function cutLinks(cluster: EmbeddedCluster, node: string): Promise<number> {
  const { status, stdout, stderr } = await cluster.exec(node, ['ss', '-HKnt', 'state', 'established']);
  if (status !== 0) throw new Error(`ss -K on ${node}: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '').length;
}

async function cutOften(t: Test, nodes: readonly string[], times: number, pauseMs: number): Promise<number> {
  let cut = 0;
  for (let i = 0; i < times; i++) {
    await sleep(pauseMs);
    for (const node of nodes) cut += await cutLinks(t.context.cluster, node);
  }
  return cut;
}

maybe(
  'links of a slave and a proxy break in the middle of the stream: everything arrives, once',
  async (t) => {
    const { cluster, scratch } = t.context;
    const file = join(scratch, 'cut.json');
    const job = startJob(t, 'late', 'cn[0-5]', 'sha256sum </opt/late; exit 3', '--report', file);
    for (const node of cluster.nodes) await job.task(node);
    t.true((await cutOften(t, ['cn4', 'cn0'], 4, 600)) > 4);
    const { status, stdout, stderr } = await job.ended;
    t.is(status, 3, stderr);
    for (const node of cluster.nodes) t.deepEqual(linesByNode(stdout).get(node), [`${DIGEST}  -`], node);
    const report = JSON.parse(await readFile(file, 'utf8')) as Report;
    t.deepEqual(report.lost, []);
    t.deepEqual(report.errors, []);
    t.deepEqual(Object.keys(report.tasks).sort(), [...cluster.nodes].sort());
    for (const { proxy, inBytes } of report.uplinks)
      t.true(inBytes < LATE.length * 1.15, `${proxy}: ${inBytes} bytes for a layer of ${LATE.length}`);
    t.deepEqual(await remainsAfterAWhile(cluster), []);
  },
);

maybe('output and input that are under way when links break are whole', async (t) => {
  const { cluster } = t.context;
  // Its last line has an end, so that nothing is added to it.
  const input = Buffer.concat([randomBytes(8_000_000), Buffer.from('\n')]);
  const digest = createHash('sha256').update(input).digest('hex');
  const script = 'if [ "$TEES_NODE" = cn5 ]; then cat; else seq 1 400000; fi';
  const child = spawnTees([...runWords(t, 'small', 'cn5,cn[0-4]', '--quiet'), 'sh', '-c', script]);
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const chunks: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout?.on('data', (bytes: Buffer) => chunks.push(bytes));
  child.stderr?.on('data', (bytes: Buffer) => complaints.push(bytes));
  const ended = once(child, 'close');
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const cut = await cutOften(t, ['cn5', 'cn3', 'cn1'], 4, 300);
  const [status] = (await ended) as [number | null];
  t.is(status, 0, Buffer.concat(complaints).toString());
  t.true(cut > 4);
  const numbers = createHash('sha256');
  for (let i = 1; i <= 400_000; i++) numbers.update(`${i}\n`);
  const expected = numbers.digest('hex');
  const got = contentsByNode(Buffer.concat(chunks));
  for (const node of ['cn0', 'cn1', 'cn2', 'cn3', 'cn4'])
    t.is(
      createHash('sha256')
        .update(got.get(node) as Buffer)
        .digest('hex'),
      expected,
      node,
    );
  t.is(
    createHash('sha256')
      .update(got.get('cn5') as Buffer)
      .digest('hex'),
    digest,
  );
  t.deepEqual(await remainsAfterAWhile(cluster), []);
});

/** The node's interface goes down, and its parent's end of their connection is reset, which the node cannot hear. */
async function unplug(cluster: EmbeddedCluster, node: string, parent: string): Promise<void> {
  const address = await cluster.exec(node, ['hostname', '-I']);
  await run(cluster, node, ['ip', 'link', 'set', 'eth0', 'down']);
  await run(cluster, parent, ['ss', '-HKnt', 'dst', address.stdout.trim().split(' ')[0] as string]);
}

async function plugIn(cluster: EmbeddedCluster, node: string): Promise<void> {
  await run(cluster, node, ['ip', 'link', 'set', 'eth0', 'up']);
}

async function run(cluster: EmbeddedCluster, node: string, argv: readonly string[]): Promise<void> {
  const { status, stderr } = await cluster.exec(node, argv);
  if (status !== 0) throw new Error(`${argv.join(' ')} on ${node}: ${stderr}`);
}

maybe('a link that is dead for the parent only gives way to the next one', async (t) => {
  const { cluster } = t.context;
  const log = join(cluster.stateDirectory, 'nodes/cn4/daemon.log');
  const attached = async (): Promise<number> =>
    (await readFile(log, 'utf8')).match(/attached to parent cn3/g)?.length ?? 0;
  const before = await attached();
  const job = startJob(t, 'late', 'cn[3-5]', 'sha256sum </opt/late');
  await job.task('cn4');
  await unplug(cluster, 'cn4', 'cn3');
  await sleep(300);
  await plugIn(cluster, 'cn4');
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 0, stderr);
  for (const node of ['cn3', 'cn4', 'cn5'])
    t.deepEqual(linesByNode(stdout).get(node), [`${DIGEST}  -`], node);
  t.is(await attached(), before + 1);
  t.deepEqual(await remainsAfterAWhile(cluster), []);
});

maybe(
  'who is away holds up nobody when the command is killed, and hears of it when it comes back',
  async (t) => {
    const { cluster } = t.context;
    const job = startJob(t, 'small', 'cn[0-5]', 'sleep 600');
    for (const node of cluster.nodes) await job.task(node);
    await unplug(cluster, 'cn4', 'cn3');
    await sleep(300);
    const killedMs = performance.now();
    job.signal('SIGKILL');
    t.deepEqual(await remainsAfterAWhile(cluster, ['cn0', 'cn1', 'cn2', 'cn3', 'cn5']), []);
    t.true(performance.now() - killedMs < 5_000, 'the deadline for who is away is longer');
    await plugIn(cluster, 'cn4');
    t.deepEqual(await remainsAfterAWhile(cluster), []);
  },
);

maybe('a link that does not come back is a lost node: it is named, and everybody tears down', async (t) => {
  const settings = { recoveryDeadline: '2s' };
  const cluster = await startCluster({ groups: 2, groupSize: 3, uplink: '40mbit', settings });
  const shared = t.context;
  t.context = { ...shared, cluster };
  try {
    const file = join(shared.scratch, 'lost.json');
    const job = startJob(t, 'late', 'cn[0-5]', 'sleep 600', '--report', file);
    for (const node of cluster.nodes) await job.task(node);
    await unplug(cluster, 'cn4', 'cn3');
    // This end hears of it, too.
    await cutLinks(cluster, 'cn4');
    const { status, stderr } = await job.ended;
    t.is(status, 1);
    t.regex(stderr, /tees: LINK_LOST: .*cn4 did not come back within 2 s[^]*node cn4/);
    t.deepEqual((JSON.parse(await readFile(file, 'utf8')) as Report).lost, ['cn4']);
    t.deepEqual(await remainsAfterAWhile(cluster), []);
  } finally {
    await cluster.down();
    t.context = shared;
  }
});

/** What each node has written, without the prefixes. */
function contentsByNode(stdout: Buffer): Map<string, Buffer> {
  const parts = new Map<string, Buffer[]>();
  for (let start = 0; start < stdout.length;) {
    const colon = stdout.indexOf(': ', start);
    const end = stdout.indexOf(10, colon) + 1;
    const node = stdout.toString('latin1', start, colon);
    const of = parts.get(node) ?? [];
    of.push(stdout.subarray(colon + 2, end));
    parts.set(node, of);
    start = end;
  }
  return new Map([...parts].map(([node, of]) => [node, Buffer.concat(of)]));
}
