/** What goes wrong below or around environments: a full disk, files removed underneath, very many of them. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { askKeeper } from '../../../src/cli/ask-keeper.js';
import { enterPath } from '../../../src/base/native.js';
import { EnvironmentKeeper } from '../../../src/login/environment-keeper.js';
import { personOf, runAs } from '../../support/environments.js';
import type { Outcome } from '../../support/environments.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { withoutCluster } from '../../support/tees.js';

interface Context {
  readonly directory: string;
  readonly keeper: EnvironmentKeeper;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
const PERSON = personOf('irc');
const DISK_BYTES = 8 << 20;
const MANY = 200;
const AT_A_TIME = 10;

test.beforeEach(async (t) => {
  if (withoutCluster) return;
  const directory = temporaryDirectory('faults');
  execFileSync('chmod', ['755', directory]);
  mkdirSync(join(directory, 'disk'));
  const [options, disk] = [`size=${DISK_BYTES},mode=0700`, join(directory, 'disk')];
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tees-disk', disk]);
  const nothing = (): void => {};
  const keeper = new EnvironmentKeeper({
    environments: { directory: disk, bind: [], ids: { first: 0x6000_0000, count: 0x1000_0000 } },
    runtimeDirectory: directory,
    log: { error: nothing, warn: nothing, info: nothing, debug: nothing },
  });
  t.context = { directory, keeper };
  await keeper.start();
});

test.afterEach.always(async (t) => {
  const { directory, keeper } = t.context;
  if (!directory) return;
  for (const name of namesIn(t.context)) await ask(t.context, 'stop', name).catch(nothing);
  await keeper.stop();
  execFileSync('umount', ['-l', join(directory, 'disk')]);
  rmSync(directory, { recursive: true, force: true });
});

const nothing = (): void => {};

function placeOf({ directory }: Context): string {
  return join(directory, 'disk/users', String(PERSON.uid));
}

function namesIn(context: Context): string[] {
  return existsSync(placeOf(context)) ? readdirSync(placeOf(context)) : [];
}

function ask({ directory }: Context, ...request: string[]): Promise<string[][]> {
  return askKeeper(join(directory, 'environments.sock'), [`user=${PERSON.uid}`, ...request]);
}

function enter({ directory }: Context, script: string, ...options: string[]): Promise<Outcome> {
  const words = ['--socket', join(directory, 'environments.sock'), ...options, '--', 'sh', '-c', script];
  return runAs(PERSON, enterPath(), words);
}

maybe('a full disk is said to who writes; nothing that was there is lost, and one can go on', async (t) => {
  t.is((await enter(t.context, 'echo before >/etc/before')).status, 0);
  const full = await enter(t.context, 'head -c 50m /dev/zero >/opt/large');
  t.regex(full.stderr, /No space left/);
  t.is((await enter(t.context, 'cat /etc/before')).stdout, 'before\n');
  const another = await enter(t.context, 'true', '--environment', 'another');
  t.regex(another.stderr, /ENVIRONMENT_UNKNOWN|No space left/);
  const made = await ask(t.context, 'start', 'another').catch(({ message }: Error) => message);
  t.regex(String(made), /No space left/);
  t.is((await enter(t.context, 'rm /opt/large; echo after >/etc/after')).status, 0);
  await ask(t.context, 'stop', 'default');
  t.is((await enter(t.context, 'cat /etc/before /etc/after')).stdout, 'before\nafter\n');
});

maybe(
  'files that are removed underneath do no harm to anything else, and the next start is a new one',
  async (t) => {
    await enter(t.context, 'echo mine >/etc/mine; sleep 1000 </dev/null >/dev/null 2>&1 &');
    const place = join(placeOf(t.context), 'default');
    renameSync(place, `${place}.away`);
    rmSync(`${place}.away`, { recursive: true });
    const broken = await enter(t.context, 'true');
    t.is(broken.status, 125);
    t.regex(broken.stderr, /ENVIRONMENT_BROKEN/);
    await ask(t.context, 'stop', 'default');
    t.is((await enter(t.context, 'test -e /etc/mine || echo new; pgrep -c sleep')).stdout, 'new\n0\n');
  },
);

maybe(`${MANY} environments at once, and nothing is left of them`, async (t) => {
  t.timeout(180_000);
  const names = Array.from({ length: MANY }, (_, index) => `e${index}`);
  const each = async (act: (name: string) => Promise<unknown>): Promise<void> => {
    for (let at = 0; at < MANY; at += AT_A_TIME) await Promise.all(names.slice(at, at + AT_A_TIME).map(act));
  };
  await each((name) => ask(t.context, 'start', name));
  const list = await ask(t.context, 'list');
  t.is(list.filter(([, , state]) => state === 'running').length, MANY);
  const seen = new Set<string>();
  await each(async (name) => {
    const { stdout } = await enter(t.context, 'readlink /proc/self/ns/pid', '--environment', name);
    seen.add(stdout);
  });
  t.is(seen.size, MANY);
  await each((name) => ask(t.context, 'delete', name));
  t.deepEqual(namesIn(t.context), []);
  t.deepEqual(readdirSync(join(t.context.directory, 'environments')), []);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(join(t.context.directory, 'disk/users')));
});
