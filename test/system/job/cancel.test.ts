/**
 * A job that its user gives up, by whatever way and at whatever moment: nothing of it is left on any node within
 * seconds, and the login daemon serves the next.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import anyTest from 'ava';
import type { ExecutionContext, TestFn } from 'ava';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import type { Report } from '../../../src/report/report.js';
import { remainsAfterAWhile, remainsOf } from '../../support/remains.js';
import { RunningJob, eventually, tees, withoutCluster } from '../../support/tees.js';

interface Context {
  cluster: EmbeddedCluster;
  scratch: string;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';

test.before(async (t) => {
  if (withoutCluster) return;
  const scratch = await mkdtemp(join(tmpdir(), 'tees-cancel-'));
  t.context.scratch = scratch;
  mkdirSync(join(scratch, 'small/opt'), { recursive: true });
  writeFileSync(join(scratch, 'small/opt/file'), 'content\n');
  // It takes half a minute on these uplinks: whoever reads it waits.
  mkdirSync(join(scratch, 'late/opt'), { recursive: true });
  writeFileSync(join(scratch, 'late/opt/late'), Buffer.alloc(20 << 20, 'late'));
  // Many names: the manifest itself takes its time on such an uplink, as does the scan.
  for (let d = 0; d < 40; d++) {
    const directory = join(scratch, `names/opt/${d}`);
    mkdirSync(directory, { recursive: true });
    for (let f = 0; f < 500; f++) {
      // Names that do not compress: they take longer to travel than anybody needs to look.
      const name = randomBytes(90).toString('hex');
      writeFileSync(join(directory, name), `${d} ${f} ${Math.random()}`);
    }
  }
  t.context.cluster = await startCluster({ groups: 2, groupSize: 2, uplink: '6mbit' });
});

test.after.always(async (t) => {
  await t.context.cluster?.down();
  if (t.context.scratch) await rm(t.context.scratch, { recursive: true, force: true });
});

function run(t: ExecutionContext<Context>, layer: string, command: string, ...options: string[]): RunningJob {
  const { cluster, scratch } = t.context;
  const where = ['--cluster', cluster.stateDirectory, '--nodes', 'cn[0-3]', '--upper', join(scratch, layer)];
  return new RunningJob(['run', ...where, ...options, '--', 'sh', '-c', command]);
}

async function nothingIsLeftAndTheNextJobRuns(t: ExecutionContext<Context>): Promise<void> {
  const { cluster, scratch } = t.context;
  t.deepEqual(await remainsAfterAWhile(cluster), []);
  const where = [
    '--cluster',
    cluster.stateDirectory,
    '--nodes',
    'cn[0-3]',
    '--upper',
    join(scratch, 'small'),
  ];
  const next = await tees(['run', ...where, '--', 'cat', '/opt/file']);
  t.is(next.status, 0, next.stderr);
  t.is(next.stdout.match(/content/g)?.length, 4);
}

async function tasksOnAllNodes(job: RunningJob, cluster: EmbeddedCluster): Promise<void> {
  for (const node of cluster.nodes) await job.task(node);
}

maybe(`SIGTERM while tasks run ends them by it, and so the job with 143${because}`, async (t) => {
  const job = run(t, 'small', 'exec sleep 600');
  await tasksOnAllNodes(job, t.context.cluster);
  job.signal('SIGTERM');
  const { status, stderr } = await job.ended;
  t.is(status, 143, stderr);
  t.deepEqual(await remainsOf(t.context.cluster), [], 'when the command has returned, nothing is left');
  await nothingIsLeftAndTheNextJobRuns(t);
});

maybe(`tasks that ignore SIGTERM end with a second one, and the report is written${because}`, async (t) => {
  const file = join(t.context.scratch, 'cancelled.json');
  const job = run(t, 'small', 'trap "" TERM; while :; do sleep 1; done', '--report', file);
  await tasksOnAllNodes(job, t.context.cluster);
  await sleep(300);
  job.signal('SIGTERM');
  await sleep(500);
  job.signal('SIGTERM');
  const { status, stderr } = await job.ended;
  t.is(status, 143, stderr);
  const report = JSON.parse(await readFile(file, 'utf8')) as Report;
  t.is(report.errors[0]?.code, 'CANCELLED');
  t.deepEqual(report.lost, []);
  await nothingIsLeftAndTheNextJobRuns(t);
});

maybe(`the first SIGINT is the tasks', the second cancels${because}`, async (t) => {
  const job = run(t, 'small', 'trap "echo interrupted" INT; while :; do sleep 0.1; done');
  await tasksOnAllNodes(job, t.context.cluster);
  await sleep(300);
  job.signal('SIGINT');
  await sleep(800);
  job.signal('SIGINT');
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 130, stderr);
  t.is(stdout.match(/interrupted/g)?.length, 4, 'each task has had the first');
  await nothingIsLeftAndTheNextJobRuns(t);
});

maybe(`SIGKILL of the command while tasks run${because}`, async (t) => {
  const job = run(t, 'small', 'trap "" TERM INT HUP; sleep 600 & wait; wait');
  await tasksOnAllNodes(job, t.context.cluster);
  job.signal('SIGKILL');
  await job.ended;
  await nothingIsLeftAndTheNextJobRuns(t);
});

for (const [signal, status] of [
  ['SIGTERM', 143],
  ['SIGKILL', 137],
] as const) {
  maybe(`${signal} while reads wait for what is far away${because}`, async (t) => {
    // One reader is the task, others are below it and in the background.
    const job = run(t, 'late', 'cat /opt/late & (cat /opt/late) | wc -c; exec cat /opt/late');
    await tasksOnAllNodes(job, t.context.cluster);
    await sleep(500);
    const signalledMs = performance.now();
    job.signal(signal);
    t.is((await job.ended).status, status);
    t.true(performance.now() - signalledMs < 15_000, 'the file would have taken longer to arrive');
    await nothingIsLeftAndTheNextJobRuns(t);
  });
}

maybe(`a task that ends does not wait for what it left reading in the background${because}`, async (t) => {
  const job = run(t, 'late', 'cat /opt/late & sleep 0.3; exit 7');
  const { status, stderr } = await job.ended;
  t.is(status, 7, stderr);
  await nothingIsLeftAndTheNextJobRuns(t);
});

for (const delayMs of [0, 50, 100, 200, 350, 600, 1000]) {
  maybe(
    `the command is killed ${delayMs} ms after its start, whatever is under way then${because}`,
    async (t) => {
      const job = run(t, 'names', 'sleep 600');
      await sleep(150 + delayMs);
      job.signal('SIGKILL');
      await job.ended;
      t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
    },
  );
}

maybe(`SIGTERM while the manifest travels cancels, and says so${because}`, async (t) => {
  const begun = async (): Promise<number> =>
    (await readFile(join(t.context.cluster.stateDirectory, 'nodes/cn3/daemon.log'), 'utf8')).match(/begins/g)
      ?.length ?? 0;
  // A job that was given up may still be on its way to cn3; what comes after it on the same links has overtaken nothing.
  await nothingIsLeftAndTheNextJobRuns(t);
  const before = await begun();
  const job = run(t, 'names', 'sleep 600');
  // Nodes have the job, and not yet what it consists of.
  const early = job.ended.then((done) => {
    throw new Error(`the job has ended: ${JSON.stringify(done)}`);
  });
  await Promise.race([early, eventually('cn3 has begun', async () => (await begun()) > before || undefined)]);
  early.catch(() => {});
  job.signal('SIGTERM');
  const { status, stderr } = await job.ended;
  t.is(status, 143, stderr);
  t.regex(stderr, /CANCELLED: .*SIGTERM/);
  await nothingIsLeftAndTheNextJobRuns(t);
});
