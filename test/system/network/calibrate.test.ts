/** `tees calibrate` finds the rates to which the network is shaped, writes them, and plans reckon with them at once. */
import { randomFillSync } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config/parse.js';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { CalibrationFacts } from '../../../src/wire/calibrate-question.js';
import type { ThresholdFacts } from '../../../src/cli/calibrate-text.js';
import { clusterTests } from '../../support/cluster-tests.js';
import type { Shared, Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { runJob, tees, withoutCluster } from '../../support/tees.js';

const test = anyTest as TestFn<Shared>;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';
const LAYER_BYTES = 6 << 20;
/** As if nobody knew anything of the network. */
const UNKNOWN = { network: { uplinkInterface: 'up0' } };
const maybe = clusterTests(
  { groups: 3, groupSize: 2, uplink: '80mbit', settings: UNKNOWN },
  { layer: { 'opt/data': randomFillSync(Buffer.alloc(LAYER_BYTES)) } },
);

interface Calibrated {
  readonly status: number;
  readonly facts: CalibrationFacts & { values: Record<string, string>; kept?: string; inUse: boolean };
  readonly stderr: string;
}

async function calibrate(t: Test, ...options: string[]): Promise<Calibrated> {
  const where = ['calibrate', '--cluster', t.context.cluster.stateDirectory, '--duration', '400ms'];
  const { status, stdout, stderr } = await tees([...where, '--json', ...options]);
  t.not(stdout, '', stderr);
  return { status, stderr, facts: JSON.parse(stdout) as Calibrated['facts'] };
}

const measured = ({ facts }: Calibrated, key: string): number =>
  facts.parameters.find((each) => each.key === key)?.measured ?? NaN;

/** In Mbit/s: what a stream reaches of a link, within some tens of percent on a busy machine. */
function isRate(t: Test, bytesPerSecond: number, mbit: number): void {
  const found = (bytesPerSecond * 8) / 1e6;
  t.true(found > 0.65 * mbit && found < 1.1 * mbit, `${found} instead of ${mbit} Mbit/s`);
}

maybe('measured, written, in use: the next job is planned by it; nothing is left on a node', async (t) => {
  t.timeout(120_000);
  const { cluster, scratch } = t.context;
  const file = join(cluster.stateDirectory, 'tees.yaml');
  const before = readFileSync(file, 'utf8');
  const words = ['--nodes', 'cn[0-5]', '--upper', join(scratch, 'layer'), '--complete'];
  const first = await runJob(cluster, words, ['true']);
  t.true((first.report.plan.predicted ?? NaN) < 0.3, 'reckoned with 10 Gbit/s');

  const done = await calibrate(t);
  t.is(done.status, 0, done.stderr);
  isRate(t, measured(done, 'uplinkBandwidth'), 80);
  isRate(t, measured(done, 'loginBandwidth'), 240);
  t.true(measured(done, 'groupBandwidth') > 2 * measured(done, 'uplinkBandwidth'));
  const latency = measured(done, 'latency');
  t.true(latency > 0 && latency < 0.05);
  t.true(measured(done, 'hopCost') >= 0);
  t.true(done.facts.parameters.find(({ key }) => key === 'loginBandwidth')?.isLeast);
  t.deepEqual(done.facts.remarks, []);
  t.regex(done.stderr, /measuring: relay in g2: login → cn4 → cn5/);

  t.true(done.facts.inUse);
  t.is(readFileSync(done.facts.kept ?? '', 'utf8'), before);
  const { network } = loadConfig(file);
  t.is(network.uplinkInterface, 'up0');
  t.true(Math.abs(network.uplinkBytesPerSecond / measured(done, 'uplinkBandwidth') - 1) < 0.01);
  const after = readFileSync(file, 'utf8');
  for (const line of before.split('\n')) t.true(after.includes(line), line);

  const { report } = await runJob(cluster, words, ['true']);
  const seconds = LAYER_BYTES / measured(done, 'uplinkBandwidth');
  const { predicted = NaN } = report.plan;
  t.true(predicted > 0.9 * seconds && predicted < 1.5 * seconds);
  t.deepEqual(await remainsAfterAWhile(cluster), []);
});

maybe('a dry run writes nothing; a file that cannot be edited stays as it is', async (t) => {
  t.timeout(120_000);
  const { cluster, scratch } = t.context;
  const file = join(cluster.stateDirectory, 'tees.yaml');
  const before = readFileSync(file, 'utf8');
  const dry = await calibrate(t, '--dry-run', '--nodes', 'cn[0-1]');
  t.is(dry.status, 0);
  t.is(dry.facts.kept, undefined);
  t.false(dry.facts.inUse);
  t.is(readFileSync(file, 'utf8'), before);
  t.regex(dry.facts.remarks.join(), /with one group/);
  const copy = join(scratch, 'own.yaml');
  copyFileSync(file, copy);
  const where = ['calibrate', '--config', copy, '--duration', '100ms', '--nodes', 'cn[0-1]'];
  const own = await tees(where);
  t.is(own.status, 0, own.stderr);
  t.regex(own.stdout, /Written to .*own\.yaml[^]*has read another file/);
  t.is(readFileSync(file, 'utf8'), before);
  t.true(existsSync(`${copy}.bak`));
  unlinkSync(copy);
});

maybe('nodes that do not answer are left out, and named; mistakes are told', async (t) => {
  t.timeout(120_000);
  const { cluster } = t.context;
  await cluster.signalNode('cn2', 'SIGSTOP');
  const done = await calibrate(t, '--dry-run');
  await cluster.signalNode('cn2', 'SIGCONT');
  t.is(done.status, 0);
  t.deepEqual(done.facts.groups, { measured: 2, of: 2 });
  t.regex(done.facts.remarks.join(), /login → cn2 does not answer \(silent\)/);
  const where = ['calibrate', '--cluster', cluster.stateDirectory];
  for (const [code, ...words] of [
    ['NODE_UNKNOWN', '--nodes', 'cn9'],
    ['TRIAL_DURATION_INVALID', '--duration', '1ms'],
    ['TRIAL_DURATION_INVALID', '--duration', 'long'],
  ] as const) {
    const { status, stderr } = await tees([...where, ...words]);
    t.is(status, 2, stderr);
    t.regex(stderr, new RegExp(`tees: ${code}: `));
  }
});

maybe('where the login link is the narrowest, uplinks are told past it', async (t) => {
  t.timeout(120_000);
  const shared = t.context;
  const cluster = await startCluster({ groups: 2, groupSize: 2, uplink: '120mbit', loginUplink: '40mbit' });
  try {
    t.context = { ...shared, cluster };
    const done = await calibrate(t, '--dry-run');
    isRate(t, measured(done, 'loginBandwidth'), 40);
    isRate(t, measured(done, 'uplinkBandwidth'), 120);
    t.false(done.facts.parameters.find(({ key }) => key === 'loginBandwidth')?.isLeast);
  } finally {
    await cluster.down();
    t.context = shared;
  }
});

test.serial(`with a shared storage the threshold is measured and written, too${because}`, async (t) => {
  t.timeout(180_000);
  if (withoutCluster) return t.pass();
  // Each node's copy comes through the storage's one link, and by the tree each group's uplink carries one.
  const cluster = await startCluster({ groups: 2, groupSize: 3, uplink: '100mbit', storage: '50mbit' });
  try {
    const file = join(cluster.stateDirectory, 'tees.yaml');
    const words = ['--cluster', cluster.stateDirectory, '--duration', '300ms', '--bytes', '3MiB', '--json'];
    const { status, stdout, stderr } = await tees(['calibrate', ...words]);
    t.is(status, 0, stderr);
    const facts = JSON.parse(stdout) as ThresholdFacts;
    t.deepEqual(
      facts.comparisons.map(({ nodes }) => nodes),
      [1, 2, 4, 6],
    );
    const last = facts.comparisons.at(-1);
    t.true((last?.shared ?? 0) > 2 * (last?.p2p ?? NaN), JSON.stringify(facts.comparisons));
    t.true(typeof facts.threshold === 'number' && facts.threshold < 6, String(facts.threshold));
    t.is(loadConfig(file).tree.thresholdNodes, facts.threshold as number);
    const { report } = await runJob(
      cluster,
      ['--nodes', 'cn[0-5]', '--upper', join(t.context.scratch, 'layer'), '--complete'],
      ['true'],
    );
    t.is(report.method, 'p2p', 'the login daemon has taken it');
  } finally {
    await cluster.down();
  }
});
