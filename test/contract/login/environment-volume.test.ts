/** The disk space of a user's environments is bounded by a file system of their own (native/environment/volume.h). */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import type { ExecutionContext, TestFn } from 'ava';
import { keeperPath } from '../../../src/base/native.js';
import { personOf } from '../../support/environments.js';
import type { Person } from '../../support/environments.js';
import { LoneKeeper } from '../../support/lone-keeper.js';
import { withoutCluster } from '../../support/tees.js';

interface Context {
  readonly keeper: LoneKeeper;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
/** Accounts that no other test uses. */
const [GREEDY, OTHER] = ['backup', 'sys'].map(personOf) as [Person, Person];
const MIB = 2 ** 20;
const DISK_BYTES = 64 * MIB;

test.beforeEach(async (t) => {
  if (withoutCluster) return;
  const keeper = new LoneKeeper();
  t.context = { keeper };
  mkdirSync(keeper.kept);
  await keeper.start({ diskBytes: DISK_BYTES });
});

test.afterEach.always(async (t) => {
  const { keeper } = t.context;
  if (!keeper) return;
  for (const person of [GREEDY, OTHER])
    for (const name of await keeper.names(person).catch(() => [])) await keeper.ask(person, 'delete', name);
  await keeper.stop();
  for (const path of mountsOf(keeper)) execFileSync('umount', [path]);
  await keeper.end();
});

function mountsOf({ directory }: LoneKeeper): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(directory));
}

async function fill(t: ExecutionContext<Context>, name = 'default'): Promise<number> {
  const command = 'head -c 200m /dev/zero >/opt/large; stat -c %s /opt/large';
  const { stdout, stderr } = await t.context.keeper.enter(GREEDY, command, name);
  t.regex(stderr, /No space left/);
  return Number(stdout);
}

maybe(
  'a user’s environments share what there is; nothing of theirs is lost, and others have theirs',
  async (t) => {
    const { keeper } = t.context;
    await keeper.enter(GREEDY, 'echo before >/etc/before');
    const taken = await fill(t);
    const [[, , , used, size] = []] = await keeper.ask(GREEDY, 'usage', 'default');
    t.true(Number(used) > taken && Number(used) <= Number(size) && Number(size) <= DISK_BYTES);
    t.true(taken > 32 * MIB && taken < DISK_BYTES);
    await keeper.ask(GREEDY, 'start', 'second').catch(() => {});
    const more = await keeper.enter(GREEDY, 'head -c 20m /dev/zero >/opt/more', 'second');
    t.not(more.status, 0);
    const others = await keeper.enter(OTHER, 'head -c 30m /dev/zero >/opt/fits; stat -c %s /opt/fits');
    t.is(others.stdout, `${30 * MIB}\n`);
    t.is((await keeper.enter(GREEDY, 'rm /opt/large; echo after >/etc/after')).status, 0);
    await keeper.ask(GREEDY, 'stop', 'default');
    t.is((await keeper.enter(GREEDY, 'cat /etc/before /etc/after')).stdout, 'before\nafter\n');
  },
);

maybe('whom the node does not know takes nothing of it', async (t) => {
  const { keeper } = t.context;
  const unknown = { name: 'unknown', uid: 0x6000_0123, gid: 0x6000_0123 };
  t.regex((await keeper.enter(unknown, 'true')).stderr, /USER_UNKNOWN/);
  t.false(existsSync(`${keeper.placeOf(unknown)}.volume`));
});

maybe('names without end are bounded, too', async (t) => {
  const { keeper } = t.context;
  const { stderr } = await keeper.enter(GREEDY, 'mkdir /opt/n; cd /opt/n; seq 20000 | xargs touch');
  t.regex(stderr, /No space left/);
  t.is((await keeper.enter(OTHER, 'touch /opt/one')).status, 0);
});

maybe('a copy takes of the same space, and is whole or not at all', async (t) => {
  const { keeper } = t.context;
  await keeper.enter(GREEDY, 'head -c 35m /dev/urandom >/opt/large');
  await keeper.ask(GREEDY, 'stop', 'default');
  await t.throwsAsync(keeper.ask(GREEDY, 'copy', 'default', 'second'), { code: 'ENVIRONMENT_FAILED' });
  t.deepEqual(
    (await keeper.ask(GREEDY, 'list')).map(([, name]) => name),
    ['default'],
  );
});

maybe('what is removed gives its space back to the node, and the last environment all of it', async (t) => {
  const { keeper } = t.context;
  const blocks = (): number => statSync(`${keeper.placeOf(GREEDY)}.volume`).blocks * 512;
  await keeper.enter(GREEDY, 'head -c 40m /dev/urandom >/opt/large; sync /opt/large');
  t.true(blocks() > 40 * MIB);
  await keeper.ask(GREEDY, 'start', 'second');
  await keeper.ask(GREEDY, 'delete', 'default');
  t.true(existsSync(`${keeper.placeOf(GREEDY)}.volume`));
  t.deepEqual(mountsOf(keeper), [keeper.placeOf(GREEDY)]);
  await keeper.ask(GREEDY, 'delete', 'second');
  t.false(existsSync(`${keeper.placeOf(GREEDY)}.volume`));
  t.deepEqual(mountsOf(keeper), []);
});

/** A keeper whose mounts are nobody else’s: they go with it, as with a node that goes down. */
function hidingProgram(directory: string): string {
  const program = join(directory, 'keeper');
  const script = `#!/bin/sh\nexec unshare -m --propagation private ${keeperPath()}\n`;
  writeFileSync(program, script, { mode: 0o755 });
  return program;
}

maybe('after the node’s start all is there again, and more when more is allowed', async (t) => {
  const { keeper } = t.context;
  const startAnew = (diskBytes: number): Promise<void> =>
    keeper.start({ diskBytes }, hidingProgram(keeper.directory));
  await startAnew(DISK_BYTES);
  await keeper.enter(GREEDY, 'echo kept >/etc/kept');
  await keeper.ask(GREEDY, 'stop', 'default');
  await startAnew(2 * DISK_BYTES);
  t.is((await keeper.enter(GREEDY, 'cat /etc/kept')).stdout, 'kept\n');
  t.true((await fill(t)) > DISK_BYTES);
  await keeper.ask(GREEDY, 'stop', 'default');
  await startAnew(DISK_BYTES);
  t.is((await keeper.enter(GREEDY, 'cat /etc/kept')).stdout, 'kept\n');
});

maybe(
  'who still has it mounted elsewhere has the same file system, and not another on the same bytes',
  async (t) => {
    const { keeper } = t.context;
    await keeper.enter(GREEDY, 'echo first >/etc/first');
    await keeper.ask(GREEDY, 'stop', 'default');
    const holder = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', 'echo; exec sleep 60']);
    await once(holder.stdout, 'data');
    for (const path of mountsOf(keeper)) execFileSync('umount', [path]);
    t.is((await keeper.enter(GREEDY, 'echo second >/etc/second; cat /etc/first')).stdout, 'first\n');
    const devices = execFileSync('losetup', [
      '--noheadings',
      '-O',
      'NAME',
      '-j',
      `${keeper.placeOf(GREEDY)}.volume`,
    ]);
    t.is(devices.toString().trim().split('\n').length, 1);
    const upper = keeper.placeOf(GREEDY, 'default/upper');
    t.is(readFileSync(join(`/proc/${holder.pid}/root`, upper, 'etc/second'), 'utf8'), 'second\n');
    holder.kill();
    await once(holder, 'exit');
  },
);

maybe('who has taken all names or bytes, and stops, starts again, removes some, and goes on', async (t) => {
  const { keeper } = t.context;
  const fillers: [take: string, remove: string][] = [
    ['mkdir /opt/n; cd /opt/n; seq 20000 | xargs touch; true', 'rm -r /opt/n'],
    [
      'head -c 200m /dev/zero >/opt/large; for i in $(seq 64); do echo x >/opt/small$i; done',
      'rm /opt/large',
    ],
  ];
  for (const [take, remove] of fillers) {
    t.regex((await keeper.enter(GREEDY, `${take}; sync`)).stderr, /No space left/);
    for (let time = 0; time < 2; time++) {
      await keeper.ask(GREEDY, 'stop', 'default');
      t.is((await keeper.enter(GREEDY, 'echo in')).stdout, 'in\n');
    }
    t.regex(
      (await keeper.enter(GREEDY, `${take}; true`)).stderr,
      /No space left/,
      'what is lent is taken back',
    );
    await keeper.ask(GREEDY, 'stop', 'default');
    t.is((await keeper.enter(GREEDY, `${remove}; echo more >/opt/more; cat /opt/more`)).stdout, 'more\n');
  }
});

/** One that runs, and one that does not. */
async function makeUnbounded(keeper: LoneKeeper): Promise<void> {
  await keeper.start();
  await keeper.enter(GREEDY, 'echo before >/etc/before');
  await keeper.ask(GREEDY, 'start', 'second');
  await keeper.ask(GREEDY, 'stop', 'second');
  await keeper.start({ diskBytes: DISK_BYTES });
}

maybe('environments from before the setting are not used without a bound', async (t) => {
  const { keeper } = t.context;
  await makeUnbounded(keeper);
  const requests = [
    ['start', 'second'],
    ['copy', 'second', 'third'],
    ['start', 'new'],
  ];
  for (const request of requests)
    await t.throwsAsync(keeper.ask(GREEDY, ...request), { code: 'DISK_LIMIT_UNENFORCEABLE' });
  const refused = await keeper.enter(GREEDY, 'echo in');
  t.is(refused.stdout, '');
  t.regex(refused.stderr, /DISK_LIMIT_UNENFORCEABLE/);
});

maybe('environments from before the setting are listed, looked at, stopped and deleted', async (t) => {
  const { keeper } = t.context;
  await makeUnbounded(keeper);
  t.deepEqual((await keeper.names(GREEDY)).sort(), ['default', 'second']);
  t.is((await keeper.ask(GREEDY, 'usage', 'default'))[0]?.[3], '');
  await keeper.ask(GREEDY, 'stop', 'default');
  await keeper.ask(GREEDY, 'delete', 'default');
  await keeper.ask(GREEDY, 'delete', 'second');
  t.is((await keeper.enter(GREEDY, 'echo in')).stdout, 'in\n');
  t.deepEqual(mountsOf(keeper), [keeper.placeOf(GREEDY)]);
});

maybe('environments from before the setting are moved as docs/operations.md says', async (t) => {
  const { keeper } = t.context;
  await makeUnbounded(keeper);
  for (const name of await keeper.names(GREEDY)) await keeper.ask(GREEDY, 'stop', name);
  const place = keeper.placeOf(GREEDY);
  renameSync(place, `${place}.before`);
  await keeper.ask(GREEDY, 'start', 'default');
  await keeper.ask(GREEDY, 'stop', 'default');
  execFileSync('cp', ['-a', `${place}.before/.`, place]);
  rmSync(`${place}.before`, { recursive: true });
  t.is((await keeper.enter(GREEDY, 'cat /etc/before')).stdout, 'before\n');
  t.is((await keeper.enter(GREEDY, 'echo in', 'second')).stdout, 'in\n');
});
