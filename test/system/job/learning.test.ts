/** A second run of a command does not wait for what the first has waited for; and nobody learns from others. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import { GAMES, enter, teesProgram, tees as teesAs } from '../../support/environments.js';
import { outcome, runJob, spawnTees, tees, withoutCluster } from '../../support/tees.js';

const test = anyTest as TestFn<{ cluster: EmbeddedCluster; scratch: string }>;
const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';
const NOBODY = 65534;
const LATE = 12;
const COMMAND = ['/bin/sh', '/opt/app/start'];

test.before(async (t) => {
  t.context.scratch = mkdtempSync(join(tmpdir(), 'tees-learning-'));
  if (withoutCluster) return;
  t.timeout(120_000);
  t.context.cluster = await startCluster({ groups: 1, groupSize: 3, uplink: '20mbit', environments: true });
});

test.after.always(async (t) => {
  await t.context.cluster?.down();
  rmSync(t.context.scratch, { recursive: true, force: true });
});

/** What is read at start-up stands last in the ordinary order. */
function makeLayer(scratch: string, name: string): string {
  const upper = join(scratch, name);
  const file = (path: string, content: string | Buffer): void => {
    mkdirSync(join(upper, path, '..'), { recursive: true });
    writeFileSync(join(upper, path), content);
  };
  for (let i = 0; i < 60; i++) file(`opt/app/library/${i}`, Buffer.alloc(100_000, `library ${i}`));
  for (let i = 0; i < LATE; i++) file(`opt/app/start-up/${i}`, Buffer.alloc(50_000, `start-up ${i}`));
  file('opt/app/start', 'cat /opt/app/start-up/* | wc -c');
  // The users of the test may read it, wherever it lies.
  chmodSync(scratch, 0o755);
  return upper;
}

maybe(`the second run waits for nothing, and its report tells before and after${because}`, async (t) => {
  t.timeout(180_000);
  const { cluster, scratch } = t.context;
  const options = ['--nodes', 'cn[0-2]', '--upper', makeLayer(scratch, 'twice')];
  const first = await runJob(cluster, options, COMMAND);
  t.is(first.status, 0, first.stderr);
  t.regex(first.stdout, new RegExp(`cn2: ${LATE * 50_000}\n`));
  t.is(first.report.learning?.before, undefined);
  const waited = first.report.learning?.now.files ?? 0;
  t.true(waited > 0 && waited <= LATE, 'on a busy machine some arrive before they are asked for');
  t.true((first.report.learning?.now.seconds ?? 0) > 0);
  t.notRegex(first.stderr, /learnt/);

  const second = await runJob(cluster, options, [...COMMAND, 'another', 'argument']);
  t.is(second.status, 0, second.stderr);
  t.deepEqual(second.report.learning, {
    urgent: { files: LATE, bytes: LATE * 50_000 },
    first: { files: 0, bytes: 0 },
    before: first.report.learning?.now,
    now: { files: 0, seconds: 0 },
  });
  t.deepEqual(second.report.blocked, []);
  t.regex(second.stderr, /^learnt .*12 files, 600 kB; waited for: \d+ files?/m);

  const third = await runJob(cluster, [...options, '--no-learn'], COMMAND);
  t.is(third.report.learning, undefined);
  t.true(third.report.blocked.length > 0);
});

for (const hook of ['fuse', 'preload']) {
  maybe(
    `what a command reads after it has arrived is learnt as well, with the hook ${hook}${because}`,
    async (t) => {
      t.timeout(180_000);
      const { cluster, scratch } = t.context;
      const options = ['--nodes', 'cn0', '--upper', makeLayer(scratch, `arrived-${hook}`), '--hook', hook];
      // Until the last file of the layer has arrived.
      const script = 'cat /opt/app/library/* >/dev/null; sleep 2; cat /opt/app/start-up/* | wc -c';
      const command = ['/bin/sh', '-c', script];
      const first = await runJob(cluster, options, command);
      t.is(first.status, 0, first.stderr);
      const second = await runJob(cluster, options, command);
      t.is(second.report.learning?.urgent.files, 60 + LATE);
      t.deepEqual(second.report.learning?.now, { files: 0, seconds: 0 });
    },
  );
}

maybe(`tees layer split shows what was learnt, and forget makes it unknown${because}`, async (t) => {
  t.timeout(180_000);
  const { cluster, scratch } = t.context;
  const upper = makeLayer(scratch, 'shown');
  const done = await runJob(cluster, ['--nodes', 'cn0', '--upper', upper], COMMAND);
  t.is(done.status, 0, done.stderr);
  const where = ['--cluster', cluster.stateDirectory];
  const split = () => tees(['layer', 'split', ...where, '--upper', upper, '--', ...COMMAND]);
  const learnt =
    /^read at start-up by an earlier run\n( +50\.0 kB {2}learnt +\/opt\/app\/start-up\/\d+\n){12}/m;
  t.regex((await split()).stdout, learnt);

  t.is((await tees(['layer', 'forget', ...where, '--upper', upper])).stdout, 'forgotten: 1 command\n');
  const after = await split();
  t.is(after.status, 0);
  t.notRegex(after.stdout, /earlier run/);
});

maybe(`a private environment is known by its name${because}`, async (t) => {
  t.timeout(180_000);
  const { cluster } = t.context;
  const made = await enter(
    cluster,
    GAMES,
    `mkdir -p /opt/app/library /opt/app/start-up
for i in $(seq 60); do head -c 100000 /dev/urandom >/opt/app/library/$i; done
for i in $(seq ${LATE}); do head -c 50000 /dev/urandom >/opt/app/start-up/$i; done
echo 'cat /opt/app/start-up/* | wc -c' >/opt/app/start`,
  );
  t.is(made.status, 0, made.stderr);
  const program = `TEES_CLUSTER=${cluster.stateDirectory} ${teesProgram}`;
  const say = (...argv: string[]) => teesAs(cluster, GAMES, ...argv);
  const done = await say('run', '-e', 'default', '--nodes', 'cn0', '--', ...COMMAND);
  t.is(done.status, 0, done.stderr);
  const split = () => enter(cluster, GAMES, `${program} layer split -- ${COMMAND.join(' ')}`);
  t.regex((await split()).stdout, /^read at start-up by an earlier run\n( +50\.0 kB {2}learnt .*\n)+/m);
  t.is((await say('layer', 'forget', '-e', 'another')).stdout, 'forgotten: 0 commands\n');
  t.is((await say('layer', 'forget')).status, 2);
  t.is((await say('layer', 'forget', '-e', 'default', '--all')).status, 2);
  t.is((await enter(cluster, GAMES, `${program} layer forget`)).stdout, 'forgotten: 1 command\n');
  t.notRegex((await split()).stdout, /earlier run/);
});

maybe(`a job that was cancelled teaches nothing${because}`, async (t) => {
  t.timeout(180_000);
  const { cluster, scratch } = t.context;
  const where = ['--cluster', cluster.stateDirectory, '--upper', makeLayer(scratch, 'cancelled')];
  const script = `trap '' INT; cat /opt/app/start-up/${LATE - 1} > /dev/null; echo read; exec sleep 600`;
  const command = ['/bin/sh', '-c', script];
  const child = spawnTees(['run', ...where, '--nodes', 'cn0', '--', ...command]);
  const said = (stream: 'stdout' | 'stderr', text: RegExp): Promise<void> =>
    new Promise((resolve) =>
      child[stream]?.on('data', (data: Buffer) => text.test(String(data)) && resolve()),
    );
  const passedOn = said('stderr', /passed on/);
  const done = outcome(child);
  await said('stdout', /read/);
  child.kill('SIGINT');
  await passedOn;
  child.kill('SIGINT');
  t.is((await done).status, 130);
  t.notRegex((await tees(['layer', 'split', ...where, '--', ...command])).stdout, /earlier run/);
});

maybe(`another user's runs are neither used nor shown${because}`, async (t) => {
  t.timeout(180_000);
  const { cluster, scratch } = t.context;
  const main = new URL('../../../src/cli/main.js', import.meta.url).pathname;
  const asNobody = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(
      'setpriv',
      [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', process.execPath, main, ...words],
      { encoding: 'utf8', cwd: '/' },
    );
  if (asNobody('--help').status !== 0) {
    t.log('skipped: another user cannot read this clone');
    return t.pass();
  }
  const upper = makeLayer(scratch, 'others');
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, upper]);
  const ofRoot = await runJob(cluster, ['--nodes', 'cn0', '--upper', upper], COMMAND);
  t.true((ofRoot.report.learning?.now.files ?? 0) > 0);

  const where = ['--socket', join(cluster.stateDirectory, 'nodes/login/run/tees.sock'), '--upper', upper];
  const split = asNobody('layer', 'split', ...where, '--', ...COMMAND);
  t.is(split.status, 0);
  t.is(split.stderr, '', 'the daemon has answered');
  t.notRegex(split.stdout, /earlier run/);
  t.is(asNobody('layer', 'forget', ...where).stdout, 'forgotten: 0 commands\n');
  const run = asNobody('run', ...where, '--nodes', 'cn0', '--', ...COMMAND);
  t.is(run.status, 0, run.stderr);
  t.notRegex(run.stderr, /^learnt/m);
  t.regex(run.stderr, /^waits +\d+ reads? on 1 node/m);
});
