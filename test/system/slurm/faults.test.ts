/** What goes wrong under Slurm: it is the job's alone, nothing is left of it, and no node is drained. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RESIDENT_LOOK_INTERVAL_MS } from '../../../src/base/limits.js';
import type { Report } from '../../../src/report/report.js';
import { StateDirectory } from '../../../src/emulator/state-directory.js';
import { StringsDecoder, encodeStrings } from '../../../src/wire/strings.js';
import { brokenClusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { enter, personOf, tees } from '../../support/environments.js';
import type { Person } from '../../support/environments.js';
import { ask, doorOf, insideAs, jobOf, whatIsLeft } from '../../support/slurm.js';
import { eventually } from '../../support/tees.js';

const OPTIONS = { groups: 2, groupSize: 2, environments: true, slurm: true };
const maybe = brokenClusterTests(OPTIONS, {});
const SLOW = { uplink: '1mbit', loginUplink: '1mbit' };
/** Accounts that no other test uses at the same time. */
const [USER, OTHER] = ['www-data', 'bin'].map(personOf) as [Person, Person];
const MANY_JOBS = 50;
/** Longer than a parent is waited for. */
const ORPHANED_S = 12;

const inside = insideAs(USER);

/** What is waited for: the way in, because an argument of the command comes first; or a file that comes afterwards. */
for (const [what, command] of [
  ['for their environment', 'cat /opt/large'],
  ['for a file', 'sh -c "cat </opt/large"'],
] as const) {
  maybe(
    `a job that is cancelled while its tasks wait ${what} ends at once, and wholly`,
    async (t) => {
      await inside(t, 'head -c 8m /dev/urandom >/opt/large');
      const job = jobOf(await inside(t, `sbatch -N4 --output=/dev/null --wrap 'srun ${command}'`));
      const { cluster } = t.context;
      const steps = async (): Promise<boolean> =>
        (await ask(cluster, 'squeue', '--noheader', '--steps', `--jobs=${job}`)).includes(`${job}.0`);
      await eventually('the step', steps);
      await sleep(2000);
      const beganMs = performance.now();
      await inside(t, `scancel ${job}`);
      t.deepEqual(await whatIsLeft(cluster), []);
      const tookMs = performance.now() - beganMs;
      t.log(`after ${(tookMs / 1000).toFixed(1)} s; KillWait is 5 s there`);
      t.true(tookMs < 40_000);
    },
    SLOW,
  );
}

maybe(
  'a node that is lost meanwhile says so, and the others go on when they may',
  async (t) => {
    await inside(t, 'head -c 2m /dev/urandom >/opt/large');
    const { cluster } = t.context;
    const running = enter(cluster, USER, 'srun -N4 --tees-on-loss=continue md5sum /opt/large');
    await eventually('the deployment', async () =>
      (await ask(cluster, 'squeue', '--noheader', '--steps')).includes('.0'),
    );
    await sleep(1500);
    await cluster.signalNode('cn3', 'SIGKILL');
    const { stdout, stderr } = await running;
    const lines = stdout.trim().split('\n');
    t.is(lines.length, 3, stderr);
    t.is(new Set(lines).size, 1);
    t.regex(stderr, /cn3.*tees: cannot reach the node's daemon/);
    // The daemon of one of their proxy nodes is away: its group is reached all the same.
    await cluster.signalNode('cn0', 'SIGKILL');
    t.is(await inside(t, 'echo mine >/opt/mark; srun -w cn1,cn2 -N2 cat /opt/mark'), 'mine\nmine');
    t.regex((await enter(cluster, USER, 'srun -w cn3 true')).stderr, /cannot reach the node's daemon/);
    const states = await ask(cluster, 'sinfo', '--noheader', '--Node', '--format=%T');
    t.false(/drain|down/.test(states), states);
  },
  { ...SLOW, restart: false },
);

maybe(
  'while something waits under preload, its libraries come before those of the job, of which none is lost',
  async (t) => {
    await inside(t, 'head -c 4m /dev/urandom >/opt/large');
    const step = 'srun -N2 --tees-hook=preload sh -c "echo \\$LD_PRELOAD; md5sum </opt/large"';
    const lines = (await inside(t, `LD_PRELOAD=libm.so.6 ${step}`)).split('\n');
    t.is(lines.filter((line) => /preload\.so:libm\.so\.6$/.test(line)).length, 2, lines.join('\n'));
    t.is(lines.filter((line) => line.endsWith(' -')).length, 2);
  },
  SLOW,
);

maybe(
  'a layer that does not fit is said to be so, and harms nobody',
  async (t) => {
    await inside(t, 'head -c 40m /dev/urandom >/opt/large');
    const { cluster } = t.context;
    const refused = await enter(cluster, USER, 'srun -N4 cat /opt/large');
    t.is(refused.status, 125);
    t.regex(refused.stderr, /STORE_FULL/);
    t.is(await inside(t, 'rm /opt/large; echo mine >/opt/mark; srun -N1 cat /opt/mark'), 'mine');
    t.deepEqual(await whatIsLeft(cluster), []);
  },
  { storeSize: '16MiB' },
);

maybe('a node’s daemon that is killed is there for the next step, and harms none', async (t) => {
  await inside(t, 'echo mine >/opt/mark');
  const { cluster } = t.context;
  const steps = 'srun cat /opt/mark; echo first; sleep 4; srun cat /opt/mark';
  const running = enter(cluster, USER, `salloc -N4 sh -c '${steps}'`);
  await sleep(2500);
  for (const node of cluster.nodes) await cluster.signalNode(node, 'SIGKILL').catch(() => {});
  const { stdout, stderr } = await running;
  t.is(stdout, `${'mine\n'.repeat(4)}first\n${'mine\n'.repeat(4)}`, stderr);
  t.deepEqual(await whatIsLeft(cluster), []);
});

for (const [how, signal] of [
  ['lost', 'SIGKILL'],
  ['stopped', 'SIGTERM'],
] as const) {
  maybe(
    `the login daemon may be ${how}: jobs whose environments have arrived go on, and clear up`,
    async (t) => {
      await inside(t, 'echo mine >/opt/mark');
      const { cluster } = t.context;
      const output = join(tmpdir(), `tees-orphan-${process.pid}`);
      const steps = `srun sh -c "cat /opt/mark; sleep ${ORPHANED_S}; cat /opt/mark"; srun cat /opt/mark`;
      await inside(t, `sbatch -N4 --output=${output} --wrap '${steps}'`);
      await eventually('the step', () => existsSync(output) && readFileSync(output, 'utf8').length === 20);
      await cluster.signalNode('login', signal);
      await eventually('its end', async () => (await cluster.status()).nodes[0]?.state === 'down');
      t.deepEqual(await whatIsLeft(cluster), []);
      t.is(readFileSync(output, 'utf8'), 'mine\n'.repeat(12));
      rmSync(output);
    },
    { settings: { recoveryDeadline: '1s' } },
  );
}

maybe(
  'a node’s daemon that is killed while tasks wait for their environment lets them in afterwards',
  async (t) => {
    await inside(t, 'head -c 2m /dev/urandom >/opt/large');
    const { cluster } = t.context;
    const running = enter(cluster, USER, 'srun -N4 md5sum /opt/large');
    await eventually('the step', async () =>
      (await ask(cluster, 'squeue', '--noheader', '--steps')).includes('.0'),
    );
    await sleep(2000);
    await cluster.signalNode('cn1', 'SIGKILL');
    const { stdout, stderr } = await running;
    t.is(stdout.trim().split('\n').length, 4, stderr);
    t.deepEqual(await whatIsLeft(cluster), []);
  },
  SLOW,
);

maybe('slurmctld may be started again meanwhile', async (t) => {
  await inside(t, 'echo mine >/opt/mark');
  const { cluster } = t.context;
  const running = enter(cluster, USER, "srun -N4 sh -c 'cat /opt/mark; sleep 6; cat /opt/mark'");
  await sleep(1500);
  const pidFile = join(new StateDirectory(cluster.stateDirectory).slurm, 'slurmctld.pid');
  await ask(cluster, 'kill', readFileSync(pidFile, 'utf8').trim());
  // Longer than the environment's job is looked up in.
  await sleep(RESIDENT_LOOK_INTERVAL_MS);
  await ask(cluster, 'slurmctld');
  const { stdout, stderr } = await running;
  t.is(stdout, 'mine\n'.repeat(8), stderr);
  t.is(await inside(t, 'srun -N1 cat /opt/mark'), 'mine');
  t.deepEqual(await whatIsLeft(cluster), []);
});

maybe(
  'a proxy node that has another job is not borrowed, an idle one is',
  async (t) => {
    await inside(t, 'echo mine >/opt/mark');
    const { cluster } = t.context;
    const borrowed = async (): Promise<readonly string[]> => {
      const file = join(tmpdir(), `tees-borrowed-${process.pid}-${Math.random()}`);
      const words = ['--nodes', 'cn[1-2,4-5]', '--environment', 'default', '--report', file];
      const done = await tees(cluster, USER, 'run', ...words, '--', 'cat', '/opt/mark');
      t.is(done.status, 0, done.stderr);
      const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
      rmSync(file);
      return report.borrowed;
    };
    const other = ['sbatch', '--parsable', '-w', 'cn0', '--output=/dev/null', '--wrap', 'sleep 60'];
    const job = await ask(cluster, ...other);
    const state = (): Promise<string> => ask(cluster, 'squeue', '--noheader', '--format=%T');
    await eventually('the other job', async () => (await state()) === 'RUNNING');
    t.deepEqual(await borrowed(), ['cn3']);
    await ask(cluster, 'scancel', job);
    t.deepEqual(await whatIsLeft(cluster), []);
    t.deepEqual(await borrowed(), ['cn0', 'cn3']);
  },
  { groupSize: 3 },
);

maybe('many jobs at once on the same nodes', async (t) => {
  await inside(t, 'echo mine >/opt/mark; head -c 1m /dev/urandom >/opt/bytes');
  const { cluster } = t.context;
  const submit = `for i in $(seq ${MANY_JOBS}); do
    sbatch --parsable -N2 --output=/tmp/tees-many.%j --wrap 'srun sh -c "cat /opt/mark; md5sum </opt/bytes"'; done`;
  const jobs = (await inside(t, submit)).split('\n');
  const sum = (await inside(t, 'md5sum </opt/bytes')).trim();
  t.deepEqual(await whatIsLeft(cluster), []);
  for (const job of jobs) {
    const lines = (await ask(cluster, 'cat', `/tmp/tees-many.${job}`)).split('\n').sort();
    t.deepEqual(lines, [sum, sum, 'mine', 'mine'].sort(), job);
    await ask(cluster, 'rm', `/tmp/tees-many.${job}`);
  }
});

/** What the door of a node answers. */
async function knock(t: Test, node: string, ...words: string[]): Promise<string[]> {
  const socket = createConnection(doorOf(t.context.cluster, node));
  socket.write(encodeStrings(words));
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return new StringsDecoder().push(bytes)[0] ?? [];
}

maybe('forged requests are refused, and logged', async (t) => {
  await inside(t, 'echo mine >/opt/mark');
  const { cluster } = t.context;
  await enter(cluster, OTHER, 'true');
  const job = jobOf(await inside(t, "sbatch --tees=none -N1 -w cn1 --output=/dev/null --wrap 'sleep 60'"));
  const request = (uid: number, of = job): string[] =>
    `enter slurm ${of} default ${uid} 0 0 - - - / - - sh`
      .split(' ')
      .map((word) => (word === '-' ? '' : word));
  const logOf = (node: string): string =>
    readFileSync(new StateDirectory(cluster.stateDirectory).node(node).log, 'utf8');
  const runs = async (): Promise<boolean> =>
    (await ask(cluster, 'squeue', '--noheader', '--format=%T')) === 'RUNNING';
  await eventually('the job', runs);
  // Slurm says whose the job is, and which nodes it has.
  t.is((await knock(t, 'cn1', ...request(OTHER.uid)))[1], 'RESIDENT_FORBIDDEN');
  t.is((await knock(t, 'cn2', ...request(USER.uid)))[1], 'RESIDENT_FORBIDDEN');
  t.is((await knock(t, 'cn1', ...request(USER.uid, '999999')))[1], 'ALLOCATION_UNKNOWN');
  t.regex(
    logOf('login'),
    new RegExp(`RESIDENT_FORBIDDEN: job ${job} is of uid ${USER.uid}, and not of ${OTHER.uid}`),
  );
  t.regex(logOf('login'), new RegExp(`RESIDENT_FORBIDDEN: job ${job} has no node cn2`));
  t.false(logOf('login').includes('is on its way'), 'nothing is begun for them');
  const [answer, ...facts] = await knock(t, 'cn1', ...request(USER.uid));
  t.is(answer, 'entered', facts.join(' '));
  t.is((await knock(t, 'cn1', ...request(OTHER.uid)))[1], 'RESIDENT_FORBIDDEN');
  t.regex(logOf('cn1'), new RegExp(`RESIDENT_FORBIDDEN: the environment of job ${job} is another user's`));
  // No user gets as far as that.
  const script = `import socket; socket.socket(socket.AF_UNIX).connect("${doorOf(cluster, 'cn1')}")`;
  const asUser = [
    'setpriv',
    `--reuid=${OTHER.uid}`,
    `--regid=${OTHER.gid}`,
    '--clear-groups',
    '/usr/bin/python3',
    '-c',
    script,
  ];
  t.regex((await cluster.exec('cn1', asUser)).stderr, /PermissionError/);
  await inside(t, `scancel ${job}`);
  t.deepEqual(await whatIsLeft(cluster), []);
});
