/** Requests to the keeper that are forged, broken, or too many; and what a user may try with environments that stand still. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { enterPath } from '../../src/base/native.js';
import { encodeStrings } from '../../src/wire/strings.js';
import { compile } from '../support/compile.js';
import { personOf } from '../support/environments.js';
import type { Person } from '../support/environments.js';
import { LoneKeeper } from '../support/lone-keeper.js';
import { withoutCluster } from '../support/tees.js';

interface Context {
  readonly keeper: LoneKeeper;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
/** Accounts that no other test uses. */
const [ATTACKER, VICTIM] = ['lp', 'man'].map(personOf) as [Person, Person];
/** Of one user at a time, as native/environment/keeper.c has it. */
const MOST = 16;
const SUBORDINATES = 20;
const PROCESSES = 64;
const ATTEMPTS_AFTER_FULL = 5;

test.beforeEach(async (t) => {
  if (withoutCluster) return;
  t.context = { keeper: new LoneKeeper() };
  await t.context.keeper.start({ bind: ['/tmp'], processes: PROCESSES, memoryBytes: 64 * 2 ** 20 });
});

test.afterEach.always((t) => t.context.keeper?.end(ATTACKER, VICTIM));

/** Returns when the connections are held. They are until the input ends. */
async function flood(keeper: LoneKeeper, ids: number, connections: number): Promise<Writable> {
  const program = join(keeper.directory, 'flood');
  await compile(program, ['test/attack/flood.c']);
  const words = [program, keeper.socket, String(ids), String(connections)];
  const child = spawn(enterPath(), ['--socket', keeper.socket, '--', ...words], {
    uid: ATTACKER.uid,
    gid: ATTACKER.gid,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child.stdin;
}

maybe('many who ask for nothing leave room for others, whatever ids they take', async (t) => {
  const { keeper } = t.context;
  for (const [ids, connections] of [
    [SUBORDINATES, MOST],
    [1, 1000],
  ] as const) {
    const held = await flood(keeper, ids, connections);
    t.is((await keeper.enter(VICTIM, 'echo served')).stdout, 'served\n');
    if (ids === 1) t.regex((await keeper.enter(ATTACKER, 'true')).stderr, /REQUESTS_TOO_MANY/);
    held.end();
  }
});

/** All that it answers before it hangs up. */
async function send(keeper: LoneKeeper, bytes: Buffer): Promise<string> {
  const socket = createConnection(keeper.socket).on('error', () => {});
  socket.end(bytes);
  return text(socket).catch(() => '');
}

maybe('what is no message is not answered, and the next is', async (t) => {
  const { keeper } = t.context;
  const head = (size: number, body = ''): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(size);
    return Buffer.concat([bytes, Buffer.from(body)]);
  };
  const endless = Buffer.concat([head(4 << 20), Buffer.alloc(4 << 20)]);
  for (const bytes of [
    head(0),
    head(0xffff_ffff),
    head(5, 'list!'),
    head(100, 'list\0'),
    endless,
    Buffer.from('x'),
  ])
    t.is(await send(keeper, bytes), '');
  t.regex(await send(keeper, encodeStrings(['list'])), /done/);
  t.regex(await send(keeper, encodeStrings(['user=0', '', ''])), /REQUEST_INVALID/);
  t.regex(await send(keeper, encodeStrings(['enter'])), /error/);
});

for (const name of ['', '.', '..', '../lp', 'a/b', '/etc', '-rf', 'a'.repeat(65)]) {
  maybe(`"${name}" names no environment`, async (t) => {
    const { keeper } = t.context;
    for (const words of [
      ['start', name],
      ['delete', name],
      ['stop', name],
      ['usage', name],
      ['copy', 'default', name],
    ]) {
      await keeper.enter(ATTACKER, 'true');
      await keeper.ask(ATTACKER, 'stop', 'default');
      await t.throwsAsync(keeper.ask(ATTACKER, ...words), { code: 'ENVIRONMENT_NAME_INVALID' });
    }
  });
}

maybe('an environment is not another one’s monitor by its name', async (t) => {
  const { keeper } = t.context;
  const command = 'echo here >/run/mark';
  await keeper.enter(ATTACKER, command);
  await keeper.ask(ATTACKER, 'start', 'default.monitor');
  t.is((await keeper.enter(ATTACKER, 'cat /run/mark')).stdout, 'here\n');
});

maybe('an environment is copied with no right that its user has not', async (t) => {
  const { keeper } = t.context;
  await keeper.enter(ATTACKER, 'echo mine >/opt/mine; ln -s nowhere /opt/link; rm -f /etc/motd');
  await keeper.ask(ATTACKER, 'stop', 'default');
  await keeper.ask(ATTACKER, 'copy', 'default', 'first');
  const copied = keeper.placeOf(ATTACKER, 'first/upper');
  t.is(readFileSync(join(copied, 'opt/mine'), 'utf8'), 'mine\n');
  t.is(statSync(join(copied, 'opt/mine')).uid, ATTACKER.uid);
  t.is(readlinkSync(join(copied, 'opt/link')), 'nowhere');
  // As what a link leads to that is put where a directory was, while it is copied.
  const closed = keeper.placeOf(ATTACKER, 'default/upper/opt/closed');
  mkdirSync(closed, { mode: 0o700 });
  writeFileSync(join(closed, 'open'), 'secret', { mode: 0o644 });
  await t.throwsAsync(keeper.ask(ATTACKER, 'copy', 'default', 'second'), { code: 'ENVIRONMENT_FAILED' });
  t.false(existsSync(keeper.placeOf(ATTACKER, 'second/upper')));
});

maybe('who fills an environment’s shared memory is told so, and it lives', async (t) => {
  const { keeper } = t.context;
  await keeper.enter(ATTACKER, 'sleep 100 </dev/null >/dev/null 2>&1 & echo $! >/run/sleeper');
  const fill = 'for i in 1 2 3 4 5 6; do head -c 20m /dev/zero >/dev/shm/$i || break; done; echo full';
  const filled = await keeper.enter(ATTACKER, fill);
  t.is(filled.stdout, 'full\n');
  t.regex(filled.stderr, /No space left on device/);
  t.is((await keeper.enter(ATTACKER, 'kill -0 $(cat /run/sleeper); echo $?')).stdout, '0\n');
});

maybe('who fills the memory of an environment ends it at most, and may start it anew', async (t) => {
  const { keeper } = t.context;
  const fill =
    'mount -t tmpfs -o size=1g filled /mnt; for i in 1 2 3 4 5 6; do head -c 20m /dev/zero >/mnt/$i || break; done; echo filled';
  t.not((await keeper.enter(ATTACKER, fill)).stdout, 'filled\n');
  // As long as the full file system is there, the kernel ends whatever comes, and PID 1 with it at last.
  let again = '';
  for (let attempt = 0; attempt < ATTEMPTS_AFTER_FULL && again === ''; attempt++)
    again = (await keeper.enter(ATTACKER, 'echo again; test ! -e /mnt/1 || echo there')).stdout;
  // It lives when the kernel has ended the writer alone.
  t.regex(again, /^again\n/);
  const [monitor = '', ...others] = monitorsOf(keeper);
  t.deepEqual(others, []);
  t.notRegex(readFileSync(`/proc/${monitor}/cgroup`, 'utf8'), /tees-environments/);
});

maybe('a user has no more for having more environments', async (t) => {
  const { keeper } = t.context;
  await keeper.ask(ATTACKER, 'start', 'one');
  await keeper.ask(ATTACKER, 'start', 'other');
  const sleepers = (count: number): string =>
    `for i in $(seq ${count}); do sleep 60 </dev/null >/dev/null 2>&1 & echo $i; done`;
  const startedIn = async (name: string, count: number): Promise<number> =>
    (await keeper.enter(ATTACKER, sleepers(count), name)).stdout.trimEnd().split('\n').length;
  t.is(await startedIn('one', PROCESSES / 2), PROCESSES / 2);
  t.true((await startedIn('other', PROCESSES)) < PROCESSES / 2);
});

/** Its lock is what it keeps open of the environment's directory. */
function monitorsOf(keeper: LoneKeeper): string[] {
  const kept = keeper.placeOf(ATTACKER);
  return readdirSync('/proc').filter((pid) => {
    try {
      const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      return fds.some((path) => path.startsWith(kept));
    } catch {
      return false;
    }
  });
}
