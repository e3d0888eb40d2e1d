/** Devices of the login node in an environment: those that the configuration names, with the rights that the node gives. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
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
const PERSON = personOf('uucp');
/** All of them are what /dev/zero is. */
const OPEN = `/dev/tees-test-${process.pid}-open`;
const CLOSED = `/dev/tees-test-${process.pid}-closed`;
const OTHER = `/dev/tees-other-${process.pid}`;
const DIRECTORY = `/dev/tees-test-${process.pid}-many`;
const MADE = [OPEN, CLOSED, OTHER, DIRECTORY];

function makeDevice(path: string, mode: string): void {
  execFileSync('mknod', ['-m', mode, path, 'c', '1', '5']);
}

test.before(() => {
  if (withoutCluster) return;
  makeDevice(OPEN, '0666');
  makeDevice(CLOSED, '0600');
  makeDevice(OTHER, '0666');
  mkdirSync(DIRECTORY, { mode: 0o755 });
  makeDevice(`${DIRECTORY}/one`, '0666');
});

test.beforeEach((t) => {
  if (!withoutCluster) t.context = { keeper: new LoneKeeper() };
});

test.afterEach.always((t) => t.context.keeper?.end(PERSON));

test.after.always(() => {
  for (const path of MADE) rmSync(path, { recursive: true, force: true });
});

const READ = (path: string): string => `head -c 2 ${path} | od -An -tx1`;

maybe('what a pattern or a name means is there, and nothing else', async (t) => {
  const { keeper } = t.context;
  await keeper.start({ devices: [`/dev/tees-test-${process.pid}-[om]*`, CLOSED, '/dev/tees-nowhere'] });
  const { stdout } = await keeper.enter(PERSON, `${READ(OPEN)}; ${READ(`${DIRECTORY}/one`)}; ls /dev`);
  const lines = stdout.split('\n');
  t.deepEqual(lines.slice(0, 2), [' 00 00', ' 00 00']);
  const names = lines.slice(2).join(' ');
  for (const path of [OPEN, CLOSED, DIRECTORY]) t.true(names.includes(path.slice('/dev/'.length)), names);
  t.false(names.includes('tees-other'), names);
  t.regex(names, /\bfd full .*null ptmx pts random shm stderr stdin stdout .*tty urandom zero\b/);
});

maybe('who may open one the node says; root inside is the user', async (t) => {
  const { keeper } = t.context;
  await keeper.start({ devices: [`/dev/tees-test-${process.pid}-*`] });
  const refused = [
    `head -c 2 ${CLOSED}`,
    `chmod 666 ${CLOSED}`,
    `rm -f ${OPEN}`,
    `mknod ${DIRECTORY}/two c 1 5`,
    `touch ${DIRECTORY}/file`,
    `umount ${OPEN}`,
    `mount -o remount,rw,bind ${DIRECTORY}`,
  ];
  for (const command of refused) {
    const { status, stderr } = await keeper.enter(PERSON, command);
    t.not(status, 0, command);
    t.regex(stderr, /denied|not permitted|busy|Read-only|must be superuser|not mounted/, command);
  }
  t.is(execFileSync('stat', ['-c', '%a', CLOSED]).toString(), '600\n');
  t.is((await keeper.enter(PERSON, READ(OPEN))).stdout, ' 00 00\n');
});

maybe('what everybody has stays, whatever a pattern means', async (t) => {
  const { keeper } = t.context;
  await keeper.start({ devices: ['/dev/[nps]*', '/dev/zero'] });
  const script =
    'echo x >/dev/null; echo y >/dev/shm/y; cat /dev/shm/y; stat -f -c %T /dev/shm /dev/pts; test -c /dev/pts/ptmx';
  const { status, stdout } = await keeper.enter(PERSON, script);
  t.is(stdout, 'y\ntmpfs\ndevpts\n');
  t.is(status, 0);
});
