/** The disk space of a user's environments is bounded by a file system of their own (native/environment/volume.h). */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import type { ExecutionContext, TestFn } from 'ava';
import { askKeeper } from '../../../src/cli/ask-keeper.js';
import { enterPath, keeperPath } from '../../../src/base/native.js';
import { EnvironmentKeeper } from '../../../src/login/environment-keeper.js';
import { personOf, runAs } from '../../support/environments.js';
import type { Outcome, Person } from '../../support/environments.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { withoutCluster } from '../../support/tees.js';

interface Context {
  readonly directory: string;
  keeper: EnvironmentKeeper;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
/** Accounts that no other test uses. */
const [GREEDY, OTHER] = ['backup', 'sys'].map(personOf) as [Person, Person];
const MIB = 2 ** 20;
const DISK_BYTES = 64 * MIB;

function keeperIn(directory: string, diskBytes?: number, program = keeperPath()): EnvironmentKeeper {
  const nothing = (): void => {};
  return new EnvironmentKeeper({
    environments: {
      directory: join(directory, 'kept'),
      bind: [],
      ids: { first: 0x6000_0000, count: 0x1000_0000 },
      ...(diskBytes === undefined ? {} : { diskBytes }),
    },
    runtimeDirectory: directory,
    program,
    log: { error: nothing, warn: nothing, info: nothing, debug: nothing },
  });
}

test.beforeEach(async (t) => {
  if (withoutCluster) return;
  const directory = temporaryDirectory('volume');
  chmodSync(directory, 0o755);
  mkdirSync(join(directory, 'kept'));
  t.context = { directory, keeper: keeperIn(directory, DISK_BYTES) };
  await t.context.keeper.start();
});

test.afterEach.always(async (t) => {
  const { directory, keeper } = t.context;
  if (!directory) return;
  for (const person of [GREEDY, OTHER])
    for (const [, name = ''] of await ask(t.context, person, 'list').catch(() => []))
      await ask(t.context, person, 'delete', name);
  await keeper.stop();
  for (const path of mountsOf(directory)) execFileSync('umount', [path]);
  // A keeper’s look at the node may outlive it by a moment.
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

function ask({ directory }: Context, { uid }: Person, ...request: string[]): Promise<string[][]> {
  return askKeeper(join(directory, 'environments.sock'), [`user=${uid}`, ...request]);
}

function enter({ directory }: Context, person: Person, script: string, name = 'default'): Promise<Outcome> {
  const words = ['--socket', join(directory, 'environments.sock'), '--environment', name];
  return runAs(person, enterPath(), [...words, '--', 'sh', '-c', script]);
}

function volumeOf({ directory }: Context, { uid }: Person): string {
  return join(directory, `kept/users/${uid}.volume`);
}

function mountsOf(directory: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(directory));
}

async function fill(t: ExecutionContext<Context>, person: Person, name = 'default'): Promise<number> {
  const { stdout, stderr } = await enter(
    t.context,
    person,
    'head -c 200m /dev/zero >/opt/large; stat -c %s /opt/large',
    name,
  );
  t.regex(stderr, /No space left/);
  return Number(stdout);
}

maybe(
  'a user’s environments share what there is; nothing of theirs is lost, and others have theirs',
  async (t) => {
    await enter(t.context, GREEDY, 'echo before >/etc/before');
    const taken = await fill(t, GREEDY);
    const [[, , , used, size] = []] = await ask(t.context, GREEDY, 'usage', 'default');
    t.true(Number(used) > taken && Number(used) <= Number(size) && Number(size) <= DISK_BYTES);
    t.true(taken > 32 * MIB && taken < DISK_BYTES);
    await ask(t.context, GREEDY, 'start', 'second').catch(() => {});
    const more = await enter(t.context, GREEDY, 'head -c 20m /dev/zero >/opt/more', 'second');
    t.not(more.status, 0);
    const others = await enter(t.context, OTHER, 'head -c 30m /dev/zero >/opt/fits; stat -c %s /opt/fits');
    t.is(others.stdout, `${30 * MIB}\n`);
    t.is((await enter(t.context, GREEDY, 'rm /opt/large; echo after >/etc/after')).status, 0);
    await ask(t.context, GREEDY, 'stop', 'default');
    t.is((await enter(t.context, GREEDY, 'cat /etc/before /etc/after')).stdout, 'before\nafter\n');
  },
);

maybe('whom the node does not know takes nothing of it', async (t) => {
  const unknown = { name: 'unknown', uid: 0x6000_0123, gid: 0x6000_0123 };
  t.regex((await enter(t.context, unknown, 'true')).stderr, /USER_UNKNOWN/);
  t.false(existsSync(volumeOf(t.context, unknown)));
});

maybe('names without end are bounded, too', async (t) => {
  const { stderr } = await enter(t.context, GREEDY, 'mkdir /opt/n; cd /opt/n; seq 20000 | xargs touch');
  t.regex(stderr, /No space left/);
  t.is((await enter(t.context, OTHER, 'touch /opt/one')).status, 0);
});

maybe('a copy takes of the same space, and is whole or not at all', async (t) => {
  await enter(t.context, GREEDY, 'head -c 35m /dev/urandom >/opt/large');
  await ask(t.context, GREEDY, 'stop', 'default');
  await t.throwsAsync(ask(t.context, GREEDY, 'copy', 'default', 'second'), { code: 'ENVIRONMENT_FAILED' });
  t.deepEqual(
    (await ask(t.context, GREEDY, 'list')).map(([, name]) => name),
    ['default'],
  );
});

maybe('what is removed gives its space back to the node, and the last environment all of it', async (t) => {
  const blocks = (): number => statSync(volumeOf(t.context, GREEDY)).blocks * 512;
  await enter(t.context, GREEDY, 'head -c 40m /dev/urandom >/opt/large; sync /opt/large');
  t.true(blocks() > 40 * MIB);
  await ask(t.context, GREEDY, 'start', 'second');
  await ask(t.context, GREEDY, 'delete', 'default');
  t.true(existsSync(volumeOf(t.context, GREEDY)));
  t.deepEqual(mountsOf(t.context.directory), [join(t.context.directory, `kept/users/${GREEDY.uid}`)]);
  await ask(t.context, GREEDY, 'delete', 'second');
  t.false(existsSync(volumeOf(t.context, GREEDY)));
  t.deepEqual(mountsOf(t.context.directory), []);
});

/** Its mounts are nobody else's: they go with it, as with a node that goes down. */
function hiddenKeeper(directory: string, diskBytes: number): EnvironmentKeeper {
  const program = join(directory, 'keeper');
  writeFileSync(program, `#!/bin/sh\nexec unshare -m --propagation private ${keeperPath()}\n`, {
    mode: 0o755,
  });
  return keeperIn(directory, diskBytes, program);
}

maybe('after the node’s start all is there again, and more when more is allowed', async (t) => {
  const { directory } = t.context;
  const startAnew = async (diskBytes: number): Promise<void> => {
    await t.context.keeper.stop();
    t.context.keeper = hiddenKeeper(directory, diskBytes);
    await t.context.keeper.start();
  };
  await startAnew(DISK_BYTES);
  await enter(t.context, GREEDY, 'echo kept >/etc/kept');
  await ask(t.context, GREEDY, 'stop', 'default');
  await startAnew(2 * DISK_BYTES);
  t.is((await enter(t.context, GREEDY, 'cat /etc/kept')).stdout, 'kept\n');
  t.true((await fill(t, GREEDY)) > DISK_BYTES);
  await ask(t.context, GREEDY, 'stop', 'default');
  await startAnew(DISK_BYTES);
  t.is((await enter(t.context, GREEDY, 'cat /etc/kept')).stdout, 'kept\n');
});

maybe(
  'who still has it mounted elsewhere has the same file system, and not another on the same bytes',
  async (t) => {
    await enter(t.context, GREEDY, 'echo first >/etc/first');
    await ask(t.context, GREEDY, 'stop', 'default');
    const holder = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', 'echo; exec sleep 60']);
    await once(holder.stdout, 'data');
    for (const path of mountsOf(t.context.directory)) execFileSync('umount', [path]);
    t.is((await enter(t.context, GREEDY, 'echo second >/etc/second; cat /etc/first')).stdout, 'first\n');
    const devices = execFileSync('losetup', [
      '--noheadings',
      '-O',
      'NAME',
      '-j',
      volumeOf(t.context, GREEDY),
    ]);
    t.is(devices.toString().trim().split('\n').length, 1);
    const upper = join(t.context.directory, `kept/users/${GREEDY.uid}/default/upper`);
    t.is(readFileSync(join(`/proc/${holder.pid}/root`, upper, 'etc/second'), 'utf8'), 'second\n');
    holder.kill();
    await once(holder, 'exit');
  },
);

maybe('where it cannot be bounded, it is not: environments from before are not moved silently', async (t) => {
  const { directory } = t.context;
  await t.context.keeper.stop();
  t.context.keeper = keeperIn(directory);
  await t.context.keeper.start();
  await enter(t.context, GREEDY, 'true');
  await ask(t.context, GREEDY, 'stop', 'default');
  await t.context.keeper.stop();
  t.context.keeper = keeperIn(directory, DISK_BYTES);
  await t.context.keeper.start();
  const refused = await enter(t.context, GREEDY, 'echo in');
  t.is(refused.stdout, '');
  t.regex(refused.stderr, /DISK_LIMIT_UNENFORCEABLE/);
  // As docs/operations.md says.
  const place = join(directory, `kept/users/${GREEDY.uid}`);
  renameSync(place, `${place}.before`);
  t.is((await enter(t.context, GREEDY, 'true')).status, 0);
  await ask(t.context, GREEDY, 'stop', 'default');
  execFileSync('cp', ['-a', `${place}.before/.`, place]);
  t.deepEqual(readdirSync(`${place}.before`), ['default']);
  rmSync(`${place}.before`, { recursive: true });
  t.is((await enter(t.context, GREEDY, 'echo in')).stdout, 'in\n');
});
