/** Daemons that know each other by a real munged. */
import { spawn, execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import type { TeesError } from '../../../src/base/errors.js';
import { MungeProver } from '../../../src/transport/munge-prover.js';
import { Acceptor, Connector } from '../../../src/wire/authentication.js';
import type { Header } from '../../../src/wire/frame.js';
import { eventually } from '../../support/tees.js';

interface Munged {
  readonly socket: string;
  readonly daemon: ChildProcess;
}

interface Context {
  directory: string;
  /** Of one cluster, and of another. */
  ours: Munged;
  theirs: Munged;
}

const test = anyTest as TestFn<Context>;
const isRoot = process.geteuid?.() === 0;
const maybe = isRoot ? test.serial : test.serial.skip;
const why = isRoot ? '' : ' (skipped: needs root)';
const NOBODY = 65_534;

async function start(directory: string, name: string): Promise<Munged> {
  const file = (what: string): string => join(directory, `${name}.${what}`);
  writeFileSync(file('key'), randomBytes(128), { mode: 0o600 });
  const files = { key: 'key-file', socket: 'socket', pid: 'pid-file', log: 'log-file', seed: 'seed-file' };
  const words = Object.entries(files).map(([what, option]) => `--${option}=${file(what)}`);
  const daemon = spawn('munged', ['--foreground', '--force', ...words], { stdio: 'ignore' });
  await eventually('munged', () => existsSync(file('socket')));
  return { socket: file('socket'), daemon };
}

test.before(async (t) => {
  if (!isRoot) return;
  const directory = mkdtempSync(join(tmpdir(), 'tees-munge-'));
  // Users reach it.
  chmodSync(directory, 0o755);
  t.context = { directory } as Context;
  t.context = { directory, ours: await start(directory, 'ours'), theirs: await start(directory, 'theirs') };
});

test.after.always(async (t) => {
  for (const munged of [t.context.ours, t.context.theirs]) {
    const ended = munged && once(munged.daemon, 'exit');
    munged?.daemon.kill();
    await ended;
  }
  if (t.context.directory) rmSync(t.context.directory, { recursive: true, force: true });
});

const proverAt = ({ socket }: Munged, self = 'cn0'): MungeProver => new MungeProver({ self, socket });
const STATEMENT = Buffer.from('what the handshake is about');

async function credential(socket: string, ...options: string[]): Promise<Buffer> {
  const { stdout } = await promisify(execFile)('munge', [`--socket=${socket}`, ...options]);
  return Buffer.from(stdout.trim());
}

maybe(`two daemons learn who the other is, many at once${why}`, async (t) => {
  const { ours } = t.context;
  const shake = async (): Promise<unknown> => {
    const [connector, acceptor] = [
      new Connector(proverAt(ours, 'login'), 'login', 'cn0'),
      new Acceptor(proverAt(ours), 'cn0'),
    ];
    const challenge = (await acceptor.receive(connector.hello())).reply as Header;
    const proof = (await connector.receive(challenge)).reply as Header;
    const accepted = await acceptor.receive(proof);
    return [(await connector.receive(accepted.reply as Header)).peer, accepted.peer];
  };
  const all = await Promise.all(Array.from({ length: 20 }, shake));
  t.deepEqual(all, Array(20).fill(['cn0', 'login']));
});

maybe(`a credential is refused when it has been used, and not by who made it${why}`, async (t) => {
  const prover = proverAt(t.context.ours);
  const proof = await prover.prove(STATEMENT);
  await prover.check(STATEMENT, proof, 'login');
  const error = await t.throwsAsync<TeesError>(() => prover.check(STATEMENT, proof, 'login'));
  t.is(error.code, 'CREDENTIAL_REJECTED');
  t.is(error.node, 'login');
  t.regex(error.message, /Replayed credential/);
});

maybe(`a credential of another handshake, or of nothing, is refused${why}`, async (t) => {
  const prover = proverAt(t.context.ours);
  const other = await prover.prove(Buffer.from('something else'));
  t.regex((await t.throwsAsync(() => prover.check(STATEMENT, other, 'login'))).message, /another handshake/);
  const empty = await credential(t.context.ours.socket, '--no-input');
  t.regex((await t.throwsAsync(() => prover.check(STATEMENT, empty, 'login'))).message, /another handshake/);
});

maybe(`an expired credential is refused${why}`, async (t) => {
  const prover = proverAt(t.context.ours);
  const old = await credential(t.context.ours.socket, '--no-input', '--ttl=1');
  await sleep(2100);
  t.regex((await t.throwsAsync(() => prover.check(STATEMENT, old, 'login'))).message, /Expired credential/);
});

maybe(`what another user, another cluster or nobody has made is refused${why}`, async (t) => {
  const { ours, theirs } = t.context;
  const prover = proverAt(ours);
  const payload = createHash('sha256').update(STATEMENT).digest('hex');
  // Whoever is root can make it in any name: it is the name that counts.
  const users = await credential(ours.socket, `--string=${payload}`, `--uid=${NOBODY}`);
  t.regex(
    (await t.throwsAsync(() => prover.check(STATEMENT, users, 'login'))).message,
    /uid 65534 has made it/,
  );
  const foreign = await proverAt(theirs).prove(STATEMENT);
  t.regex(
    (await t.throwsAsync(() => prover.check(STATEMENT, foreign, 'login'))).message,
    /Invalid credential/,
  );
  for (const garbage of ['', 'MUNGE:', `MUNGE:${randomBytes(200).toString('base64')}:`, '\0\n--help']) {
    const error = await t.throwsAsync<TeesError>(() =>
      prover.check(STATEMENT, Buffer.from(garbage), 'login'),
    );
    t.is(error.code, 'CREDENTIAL_REJECTED', garbage);
  }
});

maybe(`munged that is not there is named${why}`, async (t) => {
  const prover = new MungeProver({ self: 'cn7', socket: join(t.context.directory, 'nowhere') });
  for (const attempt of [
    prover.prove(STATEMENT),
    prover.check(STATEMENT, Buffer.from('MUNGE:A:'), 'login'),
  ]) {
    const error = await t.throwsAsync<TeesError>(() => attempt);
    t.is(error.code, 'MUNGE_SILENT');
    t.is(error.node, 'cn7');
  }
});
