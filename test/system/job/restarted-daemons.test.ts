/**
 * Node daemons that are killed while a job runs, and started again: the job goes on, no open fails, and what has
 * arrived does not travel a second time.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterTests, runWords, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import type { Report } from '../../../src/report/report.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { eventually, linesByNode, tees } from '../../support/tees.js';
import type { RunningJob } from '../../support/tees.js';
import { killDaemon } from '../../support/waiting-jobs.js';

const LATE = Buffer.alloc(40 << 20, 'late');
for (let i = 0; i < LATE.length; i += 4096) LATE.writeUInt32LE(i, i);
const LATE_DIGEST = createHash('sha256').update(LATE).digest('hex');
const NODES = ['cn0', 'cn1', 'cn2', 'cn3', 'cn4', 'cn5'];

const maybe = clusterTests(
  // A daemon that takes its time to come back would lose its children to another parent (repair.test.ts), which
  // crosses the uplink again.
  { groups: 2, groupSize: 3, uplink: '40mbit', settings: { repairDelay: '10s' } },
  { small: { 'opt/file': 'content\n' }, late: { 'opt/late': LATE, 'opt/early': 'early\n' } },
);

async function bytesIn(t: Test): Promise<number[]> {
  return (await t.context.cluster.uplinkCounters()).map(({ inBytes }) => inBytes);
}

/** Tasks that say something, and read a file that is far away. */
async function readingJob(t: Test): Promise<{ job: RunningJob; report: () => Promise<Report> }> {
  const file = join(t.context.scratch, `${t.title.replace(/\W+/g, '-')}.json`);
  const script = 'echo begun; sha256sum /opt/late; cat /opt/early';
  // Otherwise the file would be urgent for the next test's tasks, and none of them would wait.
  const job = startJob(t, 'late', 'cn[0-5]', script, '--no-learn', '--report', file);
  for (const node of NODES) await job.task(node);
  return { job, report: async () => JSON.parse(await readFile(file, 'utf8')) as Report };
}

async function endsWell(t: Test, job: RunningJob): Promise<void> {
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 0, stderr);
  const lines = linesByNode(stdout);
  for (const node of NODES)
    t.deepEqual(lines.get(node), ['begun', `${LATE_DIGEST}  /opt/late`, 'early'], node);
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
}

for (const [role, node] of [
  ['slave', 'cn4'],
  ['proxy', 'cn3'],
] as const) {
  maybe(`a ${role} node's daemon is killed in the middle of the stream, with readers blocked`, async (t) => {
    const before = await bytesIn(t);
    const { job, report } = await readingJob(t);
    await sleep(2000);
    await killDaemon(t, node);
    await endsWell(t, job);
    t.deepEqual((await report()).lost, []);
    const carried = (await bytesIn(t)).map((bytes, group) => bytes - (before[group] ?? 0));
    for (const bytes of carried) t.true(bytes < LATE.length * 1.15, `an uplink carried ${bytes} bytes`);
  });
}

maybe('twenty kills in a row, of every node in turn, spread over a stream', async (t) => {
  const before = await bytesIn(t);
  const { job } = await readingJob(t);
  for (let i = 0; i < 20; i++) await killDaemon(t, NODES[i % NODES.length] as string);
  await endsWell(t, job);
  const carried = (await bytesIn(t)).map((bytes, group) => bytes - (before[group] ?? 0));
  for (const bytes of carried) t.true(bytes < LATE.length * 1.6, `an uplink carried ${bytes} bytes`);
});

maybe('a daemon that is killed between the begin of a job and its launch', async (t) => {
  const log = `${t.context.cluster.stateDirectory}/nodes/cn4/daemon.log`;
  const begun = (): number => readFileSync(log, 'utf8').split('begins, parent').length;
  const before = begun();
  const job = startJob(t, 'late', 'cn[0-5]', 'sha256sum </opt/late', '--urgent', '/opt/late');
  await eventually('the job has begun on cn4', () => begun() > before);
  await sleep(1500);
  await killDaemon(t, 'cn4');
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 0, stderr);
  t.is(stdout.match(new RegExp(LATE_DIGEST, 'g'))?.length, 6);
});

maybe('after all has arrived the task does not notice, and its exit status comes back', async (t) => {
  const script = 'cat /opt/file; read line; cat /opt/file; exit 7';
  const job = startJob(t, 'small', 'cn4', script);
  await job.task('cn4');
  await sleep(500);
  await killDaemon(t, 'cn4');
  job.stdin.end('go\n');
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 7, stderr);
  t.is(stdout.match(/content/g)?.length, 2);
});

maybe('a task that ends while its daemon is away has its status told', async (t) => {
  const job = startJob(t, 'small', 'cn4', 'echo one; sleep 1; echo two; exit 5');
  await job.task('cn4');
  await sleep(800);
  await killDaemon(t, 'cn4');
  const { status, stdout } = await job.ended;
  t.is(status, 5);
  t.deepEqual(linesByNode(stdout).get('cn4') ?? stdout.trim().split('\n'), ['one', 'two']);
});

maybe('much output is neither lost nor doubled by a death in the middle of it', async (t) => {
  const script = 'i=0; while [ $i -lt 40000 ]; do echo "line $i"; i=$((i+1)); done; sleep 1';
  const job = startJob(t, 'small', 'cn[3-4]', script);
  await job.task('cn4');
  await sleep(200);
  await killDaemon(t, 'cn4');
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 0, stderr);
  const expected = Array.from({ length: 40_000 }, (_, i) => `line ${i}`);
  const lines = stdout.split('\n');
  for (const node of ['cn3', 'cn4']) {
    const its = lines
      .filter((line) => line.startsWith(`${node}: `))
      .map((line) => line.slice(node.length + 2));
    t.true(its.join() === expected.join(), node);
  }
});

maybe('what cannot be restored is removed, with a line that says why', async (t) => {
  const { cluster } = t.context;
  const jobs = `${cluster.stateDirectory}/nodes/cn1/store/jobs`;
  const script = `mkdir -p ${jobs}/broken/contents ${jobs}/empty && echo nonsense >${jobs}/broken/spec && ln -s / ${jobs}/empty/spec`;
  t.is((await cluster.exec('cn1', ['sh', '-c', script])).status, 0);
  await killDaemon(t, 'cn1');
  t.deepEqual(await remainsAfterAWhile(cluster, ['cn1']), []);
  const log = readFileSync(`${cluster.stateDirectory}/nodes/cn1/daemon.log`, 'utf8');
  t.regex(log, /job broken: removing .* cannot be restored: RECORD_INVALID/);
  t.regex(log, /job empty: removing .* cannot be restored: RECORD_INVALID/);
  t.true(readdirSync('/').length > 3);
});

maybe('a job that was cancelled while a daemon was away is torn down there, too', async (t) => {
  const { cluster } = t.context;
  const job = startJob(t, 'late', 'cn[3-5]', 'cat /opt/late | wc -c');
  await job.task('cn4');
  await killDaemon(t, 'cn4', () => job.signal('SIGKILL'));
  await job.ended;
  t.deepEqual(await remainsAfterAWhile(cluster), []);
  const next = await tees([...runWords(t, 'small', 'cn[3-5]'), 'cat', '/opt/file']);
  t.is(next.status, 0, next.stderr);
});

// The last one: no login daemon is started again.
maybe('a restored job that nobody asks for any more is torn down', async (t) => {
  const { cluster } = t.context;
  const job = startJob(t, 'late', 'cn4', 'cat /opt/late | wc -c');
  await job.task('cn4');
  await cluster.signalNode('login', 'SIGKILL');
  await killDaemon(t, 'cn4');
  t.is((await job.ended).status, 1);
  // For the recovery deadline and a little longer it waits.
  await remainsAfterAWhile(cluster, NODES);
  t.deepEqual(await remainsAfterAWhile(cluster, NODES), []);
  const log = readFileSync(`${cluster.stateDirectory}/nodes/cn4/daemon.log`, 'utf8');
  t.regex(log, /restored with/);
});
