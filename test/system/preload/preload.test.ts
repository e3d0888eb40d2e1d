/**
 * The preload hook on an embedded cluster. Its uplink is slow and something large goes first, so that whatever a task
 * touches has not arrived: without the hook it would fail. What must have waited is in the report.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import type { LayerFiles, Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { runJob } from '../../support/tees.js';

const PROGRAM = new URL('../../../../test/system/preload/calls.c', import.meta.url).pathname;
/** Of a file, so that it does not come with the first ones of all. */
const PADDING = 30_000;
/** Sent first, for two seconds: documentation, where the others are, goes last. */
const PLACE = 'usr/share/doc/t';
const AHEAD: LayerFiles = { 'opt/0-ahead': randomBytes(10 << 20) };
const SCRIPT_CASES = /exec|spawn|system|popen/;

const built = mkdtempSync(join(tmpdir(), 'tees-calls-'));
process.once('exit', () => rmSync(built, { recursive: true, force: true }));

function compile(source: string, name: string, ...flags: string[]): Buffer | undefined {
  const output = join(built, name);
  try {
    const input = ['-std=gnu11', '-D_GNU_SOURCE', '-O1', '-o', output, ...flags, '-x', 'c', source];
    execFileSync('gcc', input, {
      stdio: ['pipe', 'ignore', 'pipe'],
      input: 'int answer(void) { return 42; }\n',
    });
    return readFileSync(output);
  } catch {
    return undefined;
  }
}

const calls = compile(PROGRAM, 'calls') ?? Buffer.alloc(0);
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-g', '-DWITH_OWN_SHIM'];
const SHIM = new URL('../../../../hooks/preload/', import.meta.url).pathname;
const shimSources = readdirSync(SHIM).filter((name) => name.endsWith('.c') && name !== 'audit.c');
const sanitizedCalls =
  process.arch === 'x64'
    ? compile(PROGRAM, 'sanitized', ...SANITIZE, ...shimSources.map((name) => join(SHIM, name)))
    : undefined;
const staticCalls = compile(PROGRAM, 'static', '-static');
const names = execFileSync(join(built, 'calls'), ['--list'], { encoding: 'utf8' }).trim().split('\n');

function callFiles(): LayerFiles {
  const files: Record<string, string | Buffer> = {};
  for (const name of names) files[`${PLACE}/${name}`] = contentOf(name);
  delete files[`${PLACE}/exchange`];
  for (const name of ['exchange-a', 'exchange-b']) files[`${PLACE}/${name}`] = contentOf(name);
  return files;
}

function contentOf(name: string): string | Buffer {
  if (name === 'dlopen') return compile('-', 'library', '-shared', '-fPIC') ?? Buffer.alloc(0);
  if (SCRIPT_CASES.test(name))
    return `#!/bin/sh\necho ran\nexit 7\n# ${`${name} `.repeat(PADDING / name.length)}`;
  return `${name} `.repeat(PADDING / name.length);
}

const text = (name: string): string => `${name} `.repeat(PADDING);
const LAYERS: Readonly<Record<string, LayerFiles>> = {
  files: {
    ...AHEAD,
    ...Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`${PLACE}/${name}`, text(name)])),
    [`${PLACE}/late.py`]: `VALUE = 42\n${'#'.repeat(PADDING)}\n`,
    'opt/calls': calls,
  },
  calls: { ...AHEAD, ...callFiles(), 'opt/calls': calls },
  sanitized: { ...AHEAD, ...callFiles(), 'opt/sanitized': sanitizedCalls ?? '' },
  static: { ...AHEAD, ...callFiles(), 'opt/static': staticCalls ?? '' },
};
const test = clusterTests({ groups: 1, groupSize: 2, uplink: '40mbit' }, LAYERS);

const run = async (t: Test, layer: string, ...command: string[]) => {
  const options = ['--nodes', 'cn1', '--upper', join(t.context.scratch, layer), '--hook', 'preload'];
  const all = command.length === 1 ? ['sh', '-c', command[0] as string] : command;
  return runJob(t.context.cluster, [...options, '--no-learn', '--no-demand'], all);
};

function makeExecutable(t: Test, layer: string): void {
  const directory = join(t.context.scratch, layer, PLACE);
  for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o755);
  for (const name of ['calls', 'sanitized', 'static']) {
    const path = join(t.context.scratch, layer, 'opt', name);
    try {
      chmodSync(path, 0o755);
    } catch {
      // Of another layer.
    }
  }
}

const sanitizedTest: Run = sanitizedCalls ? test : () => {};
if (!sanitizedCalls) console.error('skipped: what needs sanitizers, which are not here');
type Run = (title: string, body: (t: Test) => Promise<void>) => void;
const staticTest: Run = staticCalls ? test : () => {};
if (!staticCalls) console.error('skipped: what needs a static C library, which is not here');

const FIRST = ['cancel', 'fork', 'signals', 'popen_clearenv'];
const EXPECTED = names
  .filter((name) => !FIRST.includes(name))
  .map((name) => `cn1: ${name} ok`)
  .sort();

test('each call on a file that has not arrived', async (t) => {
  makeExecutable(t, 'calls');
  const { status, stdout, stderr, report } = await run(t, 'calls', '/opt/calls', `/${PLACE}`);
  t.is(status, 0, stderr);
  t.deepEqual(stdout.trim().split('\n').sort(), EXPECTED);
  t.deepEqual([report.hook, report.engine, report.layout], ['preload', 'preload', 'data-only']);
  t.is(report.uncovered, undefined);
});

test('all calls at once, each in a thread', async (t) => {
  makeExecutable(t, 'calls');
  const { status, stdout, stderr, report } = await run(t, 'calls', '/opt/calls', `/${PLACE}`, 'at-once');
  t.is(status, 0, stderr);
  t.deepEqual(stdout.trim().split('\n').sort(), EXPECTED);
  // "names" and "errors" are not read, or read when they are there; small ones come in company.
  t.true(report.blocked.length > names.length / 2, `${report.blocked.length} of ${names.length} waited`);
});

sanitizedTest('the shim with the address and undefined-behaviour sanitizers', async (t) => {
  makeExecutable(t, 'sanitized');
  const options = 'ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0:detect_odr_violation=0';
  const command = ['env', options, '/opt/sanitized', `/${PLACE}`, 'at-once'];
  const { status, stdout, stderr } = await run(t, 'sanitized', ...command);
  t.is(status, 0, stderr);
  t.deepEqual(stdout.trim().split('\n').sort(), EXPECTED);
});

test('a child of fork has none of the descriptors that a wait of its parent has', async (t) => {
  const { stdout, stderr } = await run(t, 'calls', '/opt/calls', `/${PLACE}`, 'fork');
  t.is(stdout, 'cn1: fork ok\n', stderr);
});

test('handlers of signals run while an open waits, and it goes on', async (t) => {
  const { stdout, stderr, report } = await run(t, 'calls', '/opt/calls', `/${PLACE}`, 'signals');
  t.is(stdout, 'cn1: signals ok\n', stderr);
  t.is(report.blocked.filter(({ path }) => path.endsWith('/signals')).length, 1, 'it is one wait');
});

test('a thread that waits can be cancelled when its wait is over', async (t) => {
  const { stdout, stderr } = await run(t, 'calls', '/opt/calls', `/${PLACE}`, 'cancel');
  t.is(stdout, 'cn1: cancel ok\n', stderr);
});

test('popen of a program that has cleared its environment', async (t) => {
  makeExecutable(t, 'calls');
  const { stdout, stderr, report } = await run(t, 'calls', '/opt/calls', `/${PLACE}`, 'popen_clearenv');
  t.is(stdout, 'cn1: popen_clearenv ok\n', stderr);
  t.is(report.blocked.filter(({ path }) => path.endsWith('/popen_clearenv')).length, 1);
});

test('programs read what arrives while they wait', async (t) => {
  const { stdout, stderr, report } = await run(
    t,
    'files',
    'cd /usr/share/doc/t; cat a | wc -c; head -c 2 b; cp c /tmp/c.$$ && wc -c < /tmp/c.$$',
  );
  t.deepEqual(stdout.split('\n'), ['cn1: 60000', 'cn1: b 60000', ''], stderr);
  t.true(report.blocked.length > 0);
});

test('an interpreter and what it imports, from an empty environment', async (t) => {
  const script = 'cd /usr/share/doc/t; env -i /usr/bin/python3 -c "import late; print(late.VALUE)"';
  const { stdout, stderr } = await run(t, 'files', script);
  t.is(stdout, 'cn1: 42\n', stderr);
});

test("a user's own LD_PRELOAD stays, and the hook's comes back", async (t) => {
  const libc = '/usr/lib/x86_64-linux-gnu/libm.so.6';
  const script = `unset LD_AUDIT; LD_PRELOAD=${libc} sh -c 'echo $LD_PRELOAD $LD_AUDIT; wc -c < /usr/share/doc/t/d'`;
  const { stdout, stderr } = await run(t, 'files', script);
  t.deepEqual(
    stdout.split('\n'),
    [`cn1: /.tees/preload.so:${libc} /.tees/audit.so`, 'cn1: 60000', ''],
    stderr,
  );
});

test('a system call past the C library gets an error, never wrong bytes', async (t) => {
  makeExecutable(t, 'files');
  const { stdout, stderr } = await run(t, 'files', 'exec /opt/calls --raw /opt/0-ahead');
  t.is(stdout, 'cn1: raw ELOOP\n', stderr);
});

staticTest(
  'a command that is linked statically begins when everything is there, and the report names it',
  async (t) => {
    makeExecutable(t, 'static');
    const { stdout, stderr, report } = await run(t, 'static', '/opt/static', '--raw', '/opt/0-ahead');
    t.is(stdout, 'cn1: raw open\n', stderr);
    t.deepEqual(report.uncovered, [{ path: '/opt/static', reason: 'static' }]);
    t.is(report.files.hysteretic, 0);
    t.regex(stderr, /\/opt\/static starts when everything has arrived: it is linked statically/);
  },
);

staticTest('one that a task starts waits for everything, and the report names it', async (t) => {
  makeExecutable(t, 'static');
  const { stdout, stderr, report } = await run(t, 'static', 'echo begins; /opt/static --raw /opt/0-ahead');
  t.is(stdout, 'cn1: begins\ncn1: raw open\n', stderr);
  t.deepEqual(report.uncovered, [{ path: '/opt/static', reason: 'static' }]);
  t.true(report.files.hysteretic > 0);
});

test('who waits dies of SIGKILL at once, and nothing is left of a job that ends so', async (t) => {
  const script = 'cat /opt/0-ahead >/dev/null & sleep 0.3; kill -9 $!; wait $!; echo $?';
  const { ended } = startJob(t, 'files', 'cn1', script, '--hook', 'preload', '--quiet', '--no-demand');
  const done = await ended;
  t.is(done.stdout, 'cn1: 137\n', done.stderr);
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
});
