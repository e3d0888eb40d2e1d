/** The keeper of environments: it and its daemon may end, and environments do not. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { EnvironmentKeeper } from '../../../src/login/environment-keeper.js';
import { personOf } from '../../support/environments.js';
import { LoneKeeper } from '../../support/lone-keeper.js';
import { withoutCluster } from '../../support/tees.js';

interface Context {
  readonly keeper: LoneKeeper;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
/** Whose processes are killed here: of an account that no other test uses. */
const PERSON = personOf('list');

test.beforeEach(async (t) => {
  if (withoutCluster) return;
  t.context = { keeper: new LoneKeeper() };
  await t.context.keeper.start();
});

test.afterEach.always((t) => t.context.keeper?.end(PERSON));

maybe('an environment goes on without its keeper, and the next one finds it', async (t) => {
  const { keeper } = t.context;
  t.is(
    (await keeper.enter(PERSON, 'echo here >/run/mark; sleep 1000 </dev/null >/dev/null 2>&1 &')).status,
    0,
  );
  await keeper.stop();
  t.is((await keeper.enter(PERSON, 'true')).status, 125);
  await keeper.start();
  const { stdout } = await keeper.enter(PERSON, 'cat /run/mark; pgrep -c sleep');
  t.is(stdout, 'here\n1\n');
});

maybe('a keeper that is killed is started again', async (t) => {
  const { keeper } = t.context;
  await keeper.enter(PERSON, 'echo here >/run/mark');
  const pid = execFileSync('pgrep', ['-f', '-P', String(process.pid), 'tees-keep'])
    .toString()
    .trim();
  process.kill(Number(pid), 'SIGKILL');
  await sleep(2500);
  t.is((await keeper.enter(PERSON, 'cat /run/mark')).stdout, 'here\n');
  t.true(keeper.logged.some((line) => line.includes('started again')));
});

maybe('whoever is killed inside, all is there the next time', async (t) => {
  const { keeper } = t.context;
  await keeper.enter(PERSON, 'echo kept >/etc/kept');
  const inside = execFileSync('pgrep', ['-u', String(PERSON.uid), 'tees-keep'])
    .toString()
    .trim()
    .split('\n');
  for (const pid of inside) process.kill(Number(pid), 'SIGKILL');
  await sleep(300);
  t.is((await keeper.enter(PERSON, 'cat /etc/kept')).stdout, 'kept\n');
});

maybe('two who come at once start one environment', async (t) => {
  const { keeper } = t.context;
  const all = await Promise.all(
    Array.from({ length: 8 }, () => keeper.enter(PERSON, 'readlink /proc/self/ns/pid')),
  );
  t.is(new Set(all.map(({ stdout }) => stdout)).size, 1);
  t.true(all.every(({ status }) => status === 0));
});

maybe('processes and memory are bounded', async (t) => {
  const { keeper } = t.context;
  await keeper.start({ processes: 64, memoryBytes: 64 * 2 ** 20 });
  const forks = await keeper.enter(PERSON, 'for i in $(seq 200); do sleep 5 & done 2>&1 | tail -1; exit 0');
  t.regex(forks.stdout + forks.stderr, /fork|Resource temporarily unavailable/);
  const memory = await keeper.enter(PERSON, 'head -c 300m /dev/zero | tail -c 250m | wc -c');
  t.not(memory.stdout.trim(), String(250 * 2 ** 20));
  await keeper.ask(PERSON, 'stop', 'default');
  const groups = ['', 'pids/', 'memory/'].map(
    (hierarchy) => `/sys/fs/cgroup/${hierarchy}tees-environments/${PERSON.uid}`,
  );
  t.deepEqual(groups.filter(existsSync), [], 'the groups are gone with the environment');
});

maybe('without room for its sockets the keeper says so', async (t) => {
  const nothing = (): void => {};
  const keeper = new EnvironmentKeeper({
    environments: {
      directory: '/proc/nowhere',
      bind: [],
      devices: [],
      ids: { first: 0x6000_0000, count: 0x1000_0000 },
    },
    runtimeDirectory: '/proc/nowhere',
    log: { error: nothing, warn: nothing, info: nothing, debug: nothing },
  });
  await t.throwsAsync(keeper.start(), { code: 'ENVIRONMENTS_FAILED', message: /\/proc\/nowhere/ });
});
