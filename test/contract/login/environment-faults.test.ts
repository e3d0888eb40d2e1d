/** What goes wrong below or around environments: a full disk, files removed underneath, very many of them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { personOf } from '../../support/environments.js';
import { LoneKeeper } from '../../support/lone-keeper.js';
import { withoutCluster } from '../../support/tees.js';

interface Context {
  readonly keeper: LoneKeeper;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
const PERSON = personOf('irc');
const DISK_BYTES = 8 << 20;
const MANY = 200;
const AT_A_TIME = 10;

test.beforeEach(async (t) => {
  if (withoutCluster) return;
  const keeper = new LoneKeeper();
  t.context = { keeper };
  mkdirSync(keeper.kept);
  const options = `size=${DISK_BYTES},mode=0700`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tees-disk', keeper.kept]);
  await keeper.start();
});

test.afterEach.always(async (t) => {
  const { keeper } = t.context;
  if (!keeper) return;
  for (const name of await keeper.names(PERSON)) await keeper.ask(PERSON, 'stop', name).catch(() => {});
  await keeper.stop();
  execFileSync('umount', ['-l', keeper.kept]);
  await keeper.end();
});

maybe('a full disk is said to who writes; nothing that was there is lost, and one can go on', async (t) => {
  const { keeper } = t.context;
  t.is((await keeper.enter(PERSON, 'echo before >/etc/before')).status, 0);
  const full = await keeper.enter(PERSON, 'head -c 50m /dev/zero >/opt/large');
  t.regex(full.stderr, /No space left/);
  t.is((await keeper.enter(PERSON, 'cat /etc/before')).stdout, 'before\n');
  const another = await keeper.enter(PERSON, 'true', 'another');
  t.regex(another.stderr, /ENVIRONMENT_UNKNOWN|No space left/);
  const made = await keeper.ask(PERSON, 'start', 'another').catch(({ message }: Error) => message);
  t.regex(String(made), /No space left/);
  t.is((await keeper.enter(PERSON, 'rm /opt/large; echo after >/etc/after')).status, 0);
  await keeper.ask(PERSON, 'stop', 'default');
  t.is((await keeper.enter(PERSON, 'cat /etc/before /etc/after')).stdout, 'before\nafter\n');
});

maybe(
  'without room on the disk an environment does not start, rather than read-only, and does later',
  async (t) => {
    const { keeper } = t.context;
    await keeper.enter(PERSON, 'echo before >/etc/before');
    await keeper.ask(PERSON, 'stop', 'default');
    const { files, ffree } = statfsSync(keeper.kept);
    const allowInodes = (count: number) =>
      execFileSync('mount', ['-o', `remount,nr_inodes=${count}`, keeper.kept]);
    const write =
      'echo in; echo more >/opt/more; rm -r /etc/alternatives && mkdir /etc/alternatives && ls -A /etc/alternatives';
    for (const free of [0, 1, 2]) {
      allowInodes(files - ffree + free);
      const { stdout, stderr } = await keeper.enter(PERSON, write);
      t.is(stdout, '');
      t.regex(stderr, /No space left/);
    }
    allowInodes(files);
    t.deepEqual(await keeper.enter(PERSON, `${write}; cat /etc/before`), {
      status: 0,
      stdout: 'in\nbefore\n',
      stderr: '',
    });
  },
);

maybe(
  'files that are removed underneath do no harm to anything else, and the next start is a new one',
  async (t) => {
    const { keeper } = t.context;
    await keeper.enter(PERSON, 'echo mine >/etc/mine; sleep 1000 </dev/null >/dev/null 2>&1 &');
    const place = keeper.placeOf(PERSON, 'default');
    renameSync(place, `${place}.away`);
    rmSync(`${place}.away`, { recursive: true });
    const broken = await keeper.enter(PERSON, 'true');
    t.is(broken.status, 125);
    t.regex(broken.stderr, /ENVIRONMENT_BROKEN/);
    await keeper.ask(PERSON, 'stop', 'default');
    t.is((await keeper.enter(PERSON, 'test -e /etc/mine || echo new; pgrep -c sleep')).stdout, 'new\n0\n');
  },
);

maybe(`${MANY} environments at once, and nothing is left of them`, async (t) => {
  const { keeper } = t.context;
  t.timeout(180_000);
  const names = Array.from({ length: MANY }, (_, index) => `e${index}`);
  const each = async (act: (name: string) => Promise<unknown>): Promise<void> => {
    for (let at = 0; at < MANY; at += AT_A_TIME) await Promise.all(names.slice(at, at + AT_A_TIME).map(act));
  };
  await each((name) => keeper.ask(PERSON, 'start', name));
  const list = await keeper.ask(PERSON, 'list');
  t.is(list.filter(([, , state]) => state === 'running').length, MANY);
  const seen = new Set<string>();
  await each(async (name) => {
    const { stdout } = await keeper.enter(PERSON, 'readlink /proc/self/ns/pid', name);
    seen.add(stdout);
  });
  t.is(seen.size, MANY);
  await each((name) => keeper.ask(PERSON, 'delete', name));
  t.deepEqual(await keeper.names(PERSON), []);
  t.deepEqual(readdirSync(join(keeper.directory, 'environments')), []);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(join(keeper.kept, 'users')));
});
