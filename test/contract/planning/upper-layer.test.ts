import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import anyTest from 'ava';
import { temporaryDirectory } from '../../unit/planning/layer.js';
import { analyse } from './closure.js';
import { hasCommand, overlayUnavailable, traceLoader } from './dynamic-loader.js';
import { LOADER, Linker } from './link.js';

const unavailable =
  overlayUnavailable() ?? (hasCommand('ld') && process.arch === 'x64' ? undefined : 'no ld');
const test = unavailable === undefined ? anyTest : anyTest.skip;
if (unavailable !== undefined)
  anyTest.skip(`upper layers against real overlays: ${unavailable}`, (t) => t.pass());

/** Names that this machine does not have. */
const NAME = 'libtees-contract.so.1';
const SYSTEM = dirname(realpathSync(LOADER));

function setUp(t: ExecutionContext): { upper: string; at: (path: string) => string; linker: Linker } {
  const directory = temporaryDirectory(t);
  const upper = join(directory, 'upper');
  mkdirSync(upper);
  return { upper, at: (path) => join(upper, path), linker: new Linker(join(directory, 'link')) };
}

interface Layer {
  readonly upper: string;
  readonly opaque?: readonly string[];
  readonly prepare?: string;
}

function agree(t: ExecutionContext, program: string, layer: Layer): string[] {
  const real = traceLoader(program, layer);
  const found = analyse(program, layer);
  t.deepEqual(found.libraries.toSorted(), real.libraries.toSorted());
  t.deepEqual(found.missing.toSorted(), real.missing.toSorted());
  return found.libraries;
}

test('a library that only the layer has, in a default directory that no cache lists', (t) => {
  const { upper, at, linker } = setUp(t);
  linker.link(at(`${SYSTEM}/${NAME}`), { needed: ['libz.so.1'] });
  linker.link(at('opt/prog'), { loader: LOADER, needed: [NAME] });
  const libraries = agree(t, '/opt/prog', { upper });
  t.true(libraries.includes(`${SYSTEM}/${NAME}`));
  t.true(libraries.some((path) => path.includes('/libz.so')));
});

test("the layer's own cache leads to a directory of its own", (t) => {
  const { upper, at, linker } = setUp(t);
  linker.link(at(`opt/libs/${NAME}`), { soname: NAME });
  linker.link(at(`opt/libs/glibc-hwcaps/x86-64-v2/${NAME}`), { soname: NAME });
  linker.link(at('opt/prog'), { loader: LOADER, needed: [NAME] });
  mkdirSync(at('etc/ld.so.conf.d'), { recursive: true });
  writeFileSync(at('etc/ld.so.conf.d/tees.conf'), '/opt/libs\n');
  t.deepEqual(analyse('/opt/prog', { upper }).missing, [NAME]);
  const before = readdirSync(at('etc'));
  traceLoader('/opt/prog', { upper, prepare: 'ldconfig' });
  t.deepEqual([before, readdirSync(at('etc'))], [['ld.so.conf.d'], ['ld.so.cache', 'ld.so.conf.d']]);
  const real = traceLoader('/opt/prog', { upper }).libraries;
  const found = analyse('/opt/prog', { upper });
  t.deepEqual(
    real.filter((path) => !found.libraries.includes(path)),
    [],
  );
  // Which of the two the loader takes is its processor's choice; either may be.
  t.true(found.libraries.includes(`/opt/libs/${NAME}`));
  t.true(found.libraries.includes(`/opt/libs/glibc-hwcaps/x86-64-v2/${NAME}`));
  t.is(found.opened[0], '/etc/ld.so.cache');
});

test('a cached library that the layer removes is looked for elsewhere', (t) => {
  const { upper, at, linker } = setUp(t);
  const real = realpathSync(`${SYSTEM}/libz.so.1`);
  mkdirSync(at(SYSTEM), { recursive: true });
  execFileSync('mknod', [at(`${SYSTEM}/libz.so.1`), 'c', '0', '0']);
  mkdirSync(at('usr/lib'), { recursive: true });
  copyFileSync(real, at('usr/lib/libz.so.1'));
  linker.link(at('opt/prog'), { loader: LOADER, needed: ['libz.so.1'] });
  t.true(agree(t, '/opt/prog', { upper }).includes('/usr/lib/libz.so.1'));
});

test('an opaque directory hides the libraries below it', (t) => {
  const { upper, at, linker } = setUp(t);
  linker.link(at(`${SYSTEM}/${NAME}`));
  const kept = ['ld-linux-x86-64.so.2', 'libc.so.6'];
  for (const name of kept) copyFileSync(`${SYSTEM}/${name}`, at(`${SYSTEM}/${name}`));
  for (const name of readdirSync(SYSTEM).filter((it) =>
    /^lib(pcre2-8|selinux|tinfo|acl|attr|readline)\.so/.test(it),
  ))
    copyFileSync(join(SYSTEM, name), at(`${SYSTEM}/${name}`));
  linker.link(at('opt/prog'), { loader: LOADER, needed: [NAME, 'libz.so.1', 'libc.so.6'] });
  execFileSync('python3', [
    '-c',
    'import os, sys; os.setxattr(sys.argv[1], "trusted.overlay.opaque", b"y")',
    at(SYSTEM),
  ]);
  const libraries = agree(t, '/opt/prog', { upper, opaque: [SYSTEM.slice(1)] });
  t.deepEqual(libraries.toSorted(), [`${SYSTEM}/${NAME}`, `${SYSTEM}/libc.so.6`].toSorted());
});

test('a directory of the layer in the place of a symbolic link of the node', (t) => {
  const { upper, at, linker } = setUp(t);
  linker.link(at(`usr/local/lib/${NAME}`));
  mkdirSync(at('opt'), { recursive: true });
  symlinkSync('/usr/local/lib', at('opt/link'));
  linker.link(at('opt/prog'), { loader: LOADER, needed: [NAME], runpath: '/opt/link/../lib:/opt/link' });
  t.true(agree(t, '/opt/prog', { upper }).includes(`/usr/local/lib/${NAME}`));
});

test('ld.so.preload in the layer, with comments as glibc reads them', (t) => {
  const { upper, at, linker } = setUp(t);
  for (const name of [NAME, 'libtees-second.so']) linker.link(at(`opt/${name}`));
  linker.link(at('opt/prog'), { loader: LOADER, needed: ['libz.so.1'] });
  mkdirSync(at('etc'), { recursive: true });
  writeFileSync(at('etc/ld.so.preload'), `# a comment libnot.so\n/opt/${NAME} # /opt/libtees-second.so\n`);
  const libraries = agree(t, '/opt/prog', { upper });
  t.is(libraries[0], `/opt/${NAME}`);
  t.is(analyse('/opt/prog', { upper }).opened[0], '/etc/ld.so.preload');
});

test('the dynamic loader itself, and the C library, from the layer', (t) => {
  const { upper, at, linker } = setUp(t);
  mkdirSync(at('opt/glibc'), { recursive: true });
  for (const name of ['ld-linux-x86-64.so.2', 'libc.so.6'])
    copyFileSync(join(SYSTEM, name), at(`opt/glibc/${name}`));
  execFileSync('chmod', ['755', at('opt/glibc/ld-linux-x86-64.so.2')]);
  const loader = '/opt/glibc/ld-linux-x86-64.so.2';
  linker.link(at('opt/prog'), { loader, needed: ['libc.so.6'], rpath: '$ORIGIN/glibc' });
  t.deepEqual(agree(t, '/opt/prog', { upper }), ['/opt/glibc/libc.so.6']);
  t.is(analyse('/opt/prog', { upper }).closure.opened[0]?.file.path as string, loader);
});

test('names that are not UTF-8', (t) => {
  const { upper, at, linker } = setUp(t);
  const made = linker.link(at(`opt/d/${NAME}`));
  const strange = Buffer.concat([Buffer.from(dirname(dirname(made)) + '/'), Buffer.from([0xff, 0xfe])]);
  renameSync(dirname(made), strange);
  mkdirSync(at('etc'), { recursive: true });
  const preload = [Buffer.from('/opt/'), Buffer.from([0xff, 0xfe]), Buffer.from(`/${NAME}\n`)];
  writeFileSync(at('etc/ld.so.preload'), Buffer.concat(preload));
  linker.link(at('opt/prog'), { loader: LOADER, needed: ['libz.so.1'] });
  t.true(analyse('/opt/prog', { upper }).libraries.includes(`/opt/\xff\xfe/${NAME}`));
});
