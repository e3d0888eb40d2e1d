/** The keeper of environments: it and its daemon may end, and environments do not. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { askKeeper } from '../../../src/cli/ask-keeper.js';
import { enterPath } from '../../../src/base/native.js';
import { EnvironmentKeeper } from '../../../src/login/environment-keeper.js';
import { personOf, runAs } from '../../support/environments.js';
import { withoutCluster } from '../../support/tees.js';

interface Context {
  readonly directory: string;
  readonly logged: string[];
  readonly keeper: EnvironmentKeeper;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
/** Whose processes are killed here: of an account that no other test uses. */
const PERSON = personOf('list');
const BIND = ['/tmp'];
const IDS = { first: 0x6000_0000, count: 0x1000_0000 };

function keeperIn(directory: string, logged: string[], limits = {}): EnvironmentKeeper {
  const log = (text: string): void => void logged.push(text);
  return new EnvironmentKeeper({
    environments: { directory: join(directory, 'kept'), bind: BIND, ids: IDS, ...limits },
    runtimeDirectory: directory,
    log: { error: log, warn: log, info: log, debug: log },
  });
}

const socketOf = ({ directory }: Context): string => join(directory, 'environments.sock');
const byUser = ['user=' + PERSON.uid];

test.beforeEach(async (t) => {
  if (withoutCluster) return;
  const directory = mkdtempSync(join(tmpdir(), 'tees-keeper-'));
  execFileSync('chmod', ['755', directory]);
  const logged: string[] = [];
  t.context = { directory, logged, keeper: keeperIn(directory, logged) };
  await t.context.keeper.start();
});

test.afterEach.always(async (t) => {
  if (!t.context.directory) return;
  if (existsSync(socketOf(t.context)))
    await askKeeper(socketOf(t.context), [...byUser, 'stop', 'default']).catch(() => {});
  await t.context.keeper.stop();
  rmSync(t.context.directory, { recursive: true, force: true });
});

const enter = (context: Context, script: string) =>
  runAs(PERSON, enterPath(), ['--socket', socketOf(context), '--', 'sh', '-c', script]);

maybe('an environment goes on without its keeper, and the next one finds it', async (t) => {
  t.is((await enter(t.context, 'echo here >/run/mark; sleep 1000 </dev/null >/dev/null 2>&1 &')).status, 0);
  await t.context.keeper.stop();
  t.is((await enter(t.context, 'true')).status, 125);
  const next = keeperIn(t.context.directory, t.context.logged);
  await next.start();
  const { stdout } = await enter(t.context, 'cat /run/mark; pgrep -c sleep');
  t.is(stdout, 'here\n1\n');
  await askKeeper(socketOf(t.context), [...byUser, 'stop', 'default']);
  await next.stop();
});

maybe('a keeper that is killed is started again', async (t) => {
  await enter(t.context, 'echo here >/run/mark');
  const pid = execFileSync('pgrep', ['-f', '-P', String(process.pid), 'tees-keep'])
    .toString()
    .trim();
  process.kill(Number(pid), 'SIGKILL');
  await sleep(2500);
  t.is((await enter(t.context, 'cat /run/mark')).stdout, 'here\n');
  t.true(t.context.logged.some((line) => line.includes('started again')));
});

maybe('whoever is killed inside, all is there the next time', async (t) => {
  await enter(t.context, 'echo kept >/etc/kept');
  const inside = execFileSync('pgrep', ['-u', String(PERSON.uid), 'tees-keep'])
    .toString()
    .trim()
    .split('\n');
  for (const pid of inside) process.kill(Number(pid), 'SIGKILL');
  await sleep(300);
  t.is((await enter(t.context, 'cat /etc/kept')).stdout, 'kept\n');
});

maybe('two who come at once start one environment', async (t) => {
  const all = await Promise.all(
    Array.from({ length: 8 }, () => enter(t.context, 'readlink /proc/self/ns/pid')),
  );
  t.is(new Set(all.map(({ stdout }) => stdout)).size, 1);
  t.true(all.every(({ status }) => status === 0));
});

maybe('processes and memory are bounded', async (t) => {
  await t.context.keeper.stop();
  const keeper = keeperIn(t.context.directory, t.context.logged, {
    processes: 64,
    memoryBytes: 64 * 2 ** 20,
  });
  await keeper.start();
  const forks = await enter(t.context, 'for i in $(seq 200); do sleep 5 & done 2>&1 | tail -1; exit 0');
  t.regex(forks.stdout + forks.stderr, /fork|Resource temporarily unavailable/);
  const memory = await enter(t.context, 'head -c 300m /dev/zero | tail -c 250m | wc -c');
  t.not(memory.stdout.trim(), String(250 * 2 ** 20));
  await askKeeper(socketOf(t.context), [...byUser, 'stop', 'default']);
  const groups = ['', 'pids/', 'memory/'].map(
    (hierarchy) => `/sys/fs/cgroup/${hierarchy}tees-environments/${PERSON.uid}`,
  );
  t.deepEqual(groups.filter(existsSync), [], 'the groups are gone with the environment');
  await keeper.stop();
});

maybe('without room for its sockets the keeper says so', async (t) => {
  const keeper = keeperIn('/proc/nowhere', []);
  await t.throwsAsync(keeper.start(), { code: 'ENVIRONMENTS_FAILED', message: /\/proc\/nowhere/ });
});
