/** The whole urgent part against a real start: in an overlay, under strace, of programs that end at once. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import anyTest from 'ava';
import { splitLayer } from '../../../src/planning/split-layer.js';
import { manifestOf, temporaryDirectory } from '../../unit/planning/layer.js';
import { hasCommand, overlayUnavailable } from './dynamic-loader.js';
import { LOADER, Linker } from './link.js';

const tools = hasCommand('ld') && hasCommand('strace') && process.arch === 'x64';
const unavailable = overlayUnavailable() ?? (tools ? undefined : 'no ld or strace');
const test = unavailable === undefined ? anyTest : anyTest.skip;
if (unavailable !== undefined) anyTest.skip(`starts in real overlays: ${unavailable}`, (t) => t.pass());

const SYSTEM = dirname(realpathSync(LOADER));
const PATH = '/opt/bin:/usr/bin:/bin';

/** Every regular file below `upper` that the command opens or executes, as a path of the layer. */
function opensOf(t: ExecutionContext, upper: string, argv: readonly string[]): string[] {
  const [work, merged] = [join(upper, '../work'), join(upper, '../merged')];
  for (const directory of [work, merged]) mkdirSync(directory);
  const script = `
    mount -t overlay -o "lowerdir=/,upperdir=$1,workdir=$2" tees-test "$3" || exit 1
    merged=$3; shift 3
    # $ORIGIN of a program is where /proc/self/exe leads.
    mount -t proc proc "$merged/proc" || exit 1
    exec strace -f -y -s 4096 -e trace=execve,open,openat chroot "$merged" env -i PATH=${PATH} "$@"`;
  const args = ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', upper, work, merged, ...argv];
  const { status, stderr } = spawnSync('unshare', args, { encoding: 'utf8', cwd: '/' });
  t.is(status, 0, stderr.slice(-2000));
  const inside = stderr.slice(stderr.lastIndexOf(`execve("${argv[0]}"`));
  const executed = [...inside.matchAll(/execve\("([^"]*)".* = 0$/gm)].map(([, path]) => path as string);
  const opened = [...inside.matchAll(/ = \d+<(\/.*)>$/gm)].map(([, path]) =>
    (path as string).slice(merged.length),
  );
  return [...new Set([...executed, ...opened])].map((path) => path.slice(1));
}

async function urgentOf(upper: string, argv: readonly string[]): Promise<string[]> {
  const source = { manifest: manifestOf(upper) };
  const rest = { cwd: '/', urgentPaths: [], engineReportsHoles: true };
  const split = await splitLayer({ source, upper, argv, env: { PATH }, ...rest });
  refuseMissing(split.missing);
  return split.urgent.map(({ path }) => path);
}

function refuseMissing(missing: readonly unknown[]): void {
  if (missing.length > 0) throw new Error(`missing: ${JSON.stringify(missing)}`);
}

function setUp(t: ExecutionContext): { upper: string; at: (path: string) => string; linker: Linker } {
  const directory = temporaryDirectory(t);
  const upper = join(directory, 'upper');
  mkdirSync(upper);
  return { upper, at: (path) => join(upper, path), linker: new Linker(join(directory, 'link')) };
}

function script(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
}

test('a script by env, whose interpreter and libraries are in the layer', async (t) => {
  const { upper, at, linker } = setUp(t);
  linker.link(at('opt/lib/libtees-one.so'), { needed: ['libtees-two.so'], runpath: '$ORIGIN' });
  linker.link(at('opt/lib/libtees-two.so'));
  linker.link(at('opt/bin/tees-prog'), {
    loader: LOADER,
    needed: ['libtees-one.so'],
    rpath: '$ORIGIN/../lib',
  });
  linker.link(at('opt/lib/libtees-unused.so'));
  script(at('opt/script'), '#!/usr/bin/env tees-prog\n');
  const opens = opensOf(t, upper, ['/opt/script']);
  const urgent = await urgentOf(upper, ['/opt/script']);
  const inLayer = opens.filter((path) => path.startsWith('opt/'));
  t.deepEqual(urgent.toSorted(), inLayer.toSorted());
  t.is(urgent.length, 4);
});

test('a shell script whose shell and C library are in the layer', async (t) => {
  const { upper, at } = setUp(t);
  const system = SYSTEM.slice(1);
  for (const path of [
    'usr/bin/dash',
    `${system}/libc.so.6`,
    `${system}/ld-linux-x86-64.so.2`,
    'etc/ld.so.cache',
  ]) {
    mkdirSync(dirname(at(path)), { recursive: true });
    copyFileSync(`/${path}`, at(path));
  }
  script(at('opt/script'), '#!/usr/bin/dash\nexit 0\n');
  const urgent = await urgentOf(upper, ['/opt/script']);
  // The kernel opens the interpreter and the loader: no system call shows it.
  const seen = opensOf(t, upper, ['/opt/script']).filter((path) => manifestHas(upper, path));
  t.deepEqual(
    urgent.filter((path) => !seen.includes(path)).toSorted(),
    ['usr/bin/dash', `${system}/ld-linux-x86-64.so.2`].toSorted(),
  );
  t.deepEqual(
    seen.filter((path) => !urgent.includes(path)),
    [],
  );
  t.is(urgent.length, 5);
});

test('a static program needs nothing but itself', async (t) => {
  const { upper, at, linker } = setUp(t);
  linker.link(at('opt/static'), { loader: '', flags: ['-static'] });
  t.deepEqual(opensOf(t, upper, ['/opt/static']), ['opt/static']);
  t.deepEqual(await urgentOf(upper, ['/opt/static']), ['opt/static']);
});

function manifestHas(upper: string, path: string): boolean {
  return manifestOf(upper).entries.some((entry) => entry.type === 'file' && entry.path === path);
}
