import { copyFileSync, linkSync, mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ByteString } from '../../../src/base/bytes.js';
import { TeesError } from '../../../src/base/errors.js';
import { syntheticElf } from '../elf/synthetic-elf.js';
import { manifestOf } from './layer.js';
import { X86, LIBRARY, programOf, Layer, told, paths } from './split-fixture.js';

test('a program with its loader and libraries, each with who needs it', async (t) => {
  const layer = new Layer(t)
    .program('bin/app', programOf('liba.so'))
    .file('lib64/ld.so', LIBRARY)
    .file('usr/lib/liba.so', syntheticElf({ ...X86, dynamic: [[1, 'libb.so']] }))
    .file('usr/lib/libb.so', LIBRARY)
    .file('usr/lib/libc.so', LIBRARY);
  t.deepEqual(told(await layer.split(['app'])), [
    'bin/app: command for command line',
    'lib64/ld.so: interpreter for /bin/app',
    'usr/lib/liba.so: library for /bin/app',
    'usr/lib/libb.so: library for /usr/lib/liba.so',
  ]);
});

test('what the node has is not urgent: it is there', async (t) => {
  const layer = new Layer(t)
    .program('bin/app', programOf('liba.so'), 'root')
    .file('lib64/ld.so', LIBRARY, 0o755, 'root')
    .file('usr/lib/liba.so', LIBRARY, 0o644, 'root')
    .file('other');
  const split = await layer.split(['app']);
  t.deepEqual([split.urgentCount, split.order.length], [0, 1]);
});

test('the order holds every content once, the urgent ones first', async (t) => {
  const layer = new Layer(t).program('zz/app').file('a').file('b').file('empty', '');
  linkSync(join(layer.upper, 'a'), join(layer.upper, 'c'));
  const manifest = manifestOf(layer.upper);
  const split = await layer.split(['/zz/app'], { source: { manifest } });
  t.deepEqual(split.order.toSorted(), [0, 1, 2]);
  t.is(split.urgentCount, 1);
  t.is(manifest.entries.find(({ content }) => content === split.order[0])?.path, 'zz/app' as ByteString);
});

test('a script with its interpreter, which env looks for in PATH', async (t) => {
  const layer = new Layer(t)
    .program('home/script', '#!/usr/bin/env -S python3 -u\n')
    .program('usr/bin/env')
    .program('bin/python3');
  t.deepEqual(told(await layer.split(['./script'], { cwd: '/home' })), [
    'home/script: command for command line',
    'usr/bin/env: interpreter for /home/script',
    'bin/python3: command for /usr/bin/env',
  ]);
});

test('env changes PATH for what it starts', async (t) => {
  const layer = new Layer(t).program('usr/bin/env').program('opt/app').program('bin/app');
  const split = await layer.split(['env', 'X=y', 'PATH=/opt', 'app']);
  t.deepEqual(paths(split), ['usr/bin/env', 'opt/app']);
});

test('a text without #! is for the shell', async (t) => {
  const layer = new Layer(t).program('bin/app', 'echo hello\n').program('bin/dash');
  symlinkSync('dash', join(layer.upper, 'bin/sh'));
  t.deepEqual(told(await layer.split(['app'])), [
    'bin/app: command for command line',
    'bin/dash: interpreter for /bin/app',
  ]);
});

test('interpreters that are scripts: five deep, as the kernel, and no deeper', async (t) => {
  const layer = new Layer(t).program('bin/s0');
  for (let i = 1; i <= 6; i++) layer.program(`bin/s${i}`, `#!/bin/s${i - 1}\n`);
  t.is((await layer.split(['s5'])).urgentCount, 6);
  await t.throwsAsync(layer.split(['s6']), { code: 'COMMAND_NOT_EXECUTABLE' });
});

test('arguments that name files of the layer, also behind an option', async (t) => {
  const layer = new Layer(t).program('bin/python3').file('home/x.py').file('home/conf').file('home/other');
  const split = await layer.split(['python3', 'x.py', '--config=conf', 'nothing', '-v'], { cwd: '/home' });
  t.deepEqual(paths(split), ['bin/python3', 'home/x.py', 'home/conf']);
});

test('a large input file does not hold up the start', async (t) => {
  const layer = new Layer(t).program('bin/app').file('big');
  truncateSync(join(layer.upper, 'big'), 2 ** 30);
  t.deepEqual(paths(await layer.split(['app', '/big'])), ['bin/app']);
});

test('a launcher starts a program, which has libraries of its own', async (t) => {
  const layer = new Layer(t)
    .program('bin/mpirun')
    .program('home/app', programOf('liba.so'))
    .file('lib64/ld.so', LIBRARY)
    .file('lib/liba.so', LIBRARY);
  const split = await layer.split(['mpirun', '-n', '4', './app'], { cwd: '/home' });
  t.deepEqual(paths(split), ['bin/mpirun', 'home/app', 'lib64/ld.so', 'lib/liba.so']);
});

test('a script that starts itself again without end', async (t) => {
  const layer = new Layer(t).program('bin/loop', '#!/usr/bin/env -S loop x\n').program('usr/bin/env');
  t.deepEqual(paths(await layer.split(['loop'])), ['bin/loop', 'usr/bin/env']);
});

test('a library that is nowhere is a warning, and says when ldconfig would help', async (t) => {
  const layer = new Layer(t)
    .program('bin/app', programOf('liba.so', 'libb.so'))
    .file('lib64/ld.so', LIBRARY)
    .file('opt/lib/liba.so', LIBRARY)
    .file('etc/ld.so.conf', 'include ld.so.conf.d/*.conf\n')
    .file('etc/ld.so.conf.d/opt.conf', '/opt/lib\n');
  const split = await layer.split(['app']);
  const hint = 'It is in /opt/lib, which ld.so.cache does not list: run ldconfig.';
  t.deepEqual(split.missing as unknown, [
    { name: 'liba.so', neededBy: '/bin/app', hint },
    { name: 'libb.so', neededBy: '/bin/app' },
  ]);
  t.deepEqual(told(split).slice(2), [
    'etc/ld.so.conf: loader-configuration for ldconfig',
    'etc/ld.so.conf.d/opt.conf: loader-configuration for /etc/ld.so.conf',
  ]);
});

test('a file that is no library is urgent, since it is opened, and the warning names it', async (t) => {
  const layer = new Layer(t)
    .program('bin/app', programOf('liba.so'))
    .file('lib64/ld.so', LIBRARY)
    .file('usr/lib/liba.so', 'INPUT(-lc)');
  const split = await layer.split(['app']);
  t.is(paths(split)[2], 'usr/lib/liba.so');
  const hint = '/usr/lib/liba.so is there, but is no library for this program.';
  t.deepEqual(split.missing as unknown, [{ name: 'liba.so', neededBy: '/bin/app', hint }]);
});

test('the cache and ld.so.preload of the layer', async (t) => {
  const layer = new Layer(t)
    .program('bin/app', programOf('liba.so'))
    .file('lib64/ld.so', LIBRARY)
    .file('etc/ld.so.cache', 'not a cache')
    .file('etc/ld.so.preload', '/opt/libp.so\n')
    .file('opt/libp.so', LIBRARY)
    .file('usr/lib64/liba.so', LIBRARY);
  t.deepEqual(told(await layer.split(['app'])).slice(2), [
    'etc/ld.so.preload: loader-configuration for /bin/app',
    'opt/libp.so: library for /etc/ld.so.preload',
    'etc/ld.so.cache: loader-configuration for /bin/app',
    'usr/lib64/liba.so: library for /bin/app',
  ]);
});

test('--urgent: a file, a directory, patterns, and links to them', async (t) => {
  const layer = new Layer(t)
    .program('bin/app')
    .file('d/a')
    .file('d/e/b')
    .file('p/x.so')
    .file('p/q/y.so')
    .file('n');
  symlinkSync('d', join(layer.upper, 'link'));
  const asked = async (...urgentPaths: string[]) =>
    paths(await layer.split(['app'], { urgentPaths, cwd: '/p' })).slice(1);
  t.deepEqual(await asked('/n'), ['n']);
  t.deepEqual(await asked('/link'), ['d/a', 'd/e/b']);
  t.deepEqual(await asked('x.so', '/d/e/'), ['p/x.so', 'd/e/b']);
  t.deepEqual(await asked('*.so'), ['p/x.so']);
  t.deepEqual(await asked('/**/*.so'), ['p/q/y.so', 'p/x.so']);
  t.deepEqual(
    await asked('/[!b-z]*', '../?').catch((error: unknown) => (error as TeesError).code),
    'URGENT_NOT_FOUND',
  );
  t.deepEqual(await asked('../d/[a-c]'), ['d/a']);
});

for (const [what, path] of [
  ['a name that is nowhere', '/nowhere'],
  ['a file that only the node has', '/node'],
  ['an empty directory', '/void'],
  ['a pattern that matches nothing', '/*.nothing'],
] as const) {
  test(`--urgent ${path}, ${what}, is a usage error that names it`, async (t) => {
    const layer = new Layer(t).program('bin/app').file('node', 'x', 0o644, 'root');
    mkdirSync(join(layer.upper, 'void'));
    const error = await t.throwsAsync(layer.split(['app'], { urgentPaths: [path] }), {
      code: 'URGENT_NOT_FOUND',
    });
    t.true(error instanceof TeesError && error.usage && error.path === path);
  });
}

test('small sparse files, where the engine cannot report holes', async (t) => {
  const layer = new Layer(t)
    .program('bin/app')
    .file('sparse', 'x')
    .file('dense')
    .file('full-of-data', Buffer.alloc(2 ** 21, 1));
  truncateSync(join(layer.upper, 'sparse'), 2 ** 20);
  truncateSync(join(layer.upper, 'full-of-data'), 2 ** 24);
  t.deepEqual(paths(await layer.split(['app'])), ['bin/app']);
  const split = await layer.split(['app'], { engineReportsHoles: false });
  t.deepEqual(told(split).slice(1), ['sparse: sparse for serving engine']);
});

const NOT_STARTED: readonly [string, (layer: Layer) => Layer, string[], string, RegExp][] = [
  [
    'a name in no directory of PATH',
    (it) => it,
    ['nosuch'],
    'COMMAND_NOT_FOUND',
    /PATH searched: \/usr\/bin:\/bin/,
  ],
  ['a path that does not exist', (it) => it, ['./nosuch'], 'COMMAND_NOT_FOUND', /working directory, \//],
  ['an empty name', (it) => it, [''], 'COMMAND_NOT_FOUND', /./],
  ['no execute permission', (it) => it.file('bin/a'), ['a'], 'COMMAND_NOT_EXECUTABLE', /chmod/],
  ['a directory', (it) => it.file('d/a'), ['/d'], 'COMMAND_NOT_EXECUTABLE', /./],
  ['no interpreter', (it) => it.program('bin/a', '#!/no/x\n'), ['a'], 'COMMAND_NOT_EXECUTABLE', /Install/],
  ['no loader', (it) => it.program('bin/a', programOf('x')), ['a'], 'COMMAND_NOT_EXECUTABLE', /Install/],
];

for (const [what, make, argv, code, hint] of NOT_STARTED) {
  test(`a command that cannot start: ${what}`, async (t) => {
    const error = await t.throwsAsync(make(new Layer(t)).split(argv), { instanceOf: TeesError, code });
    t.regex(error?.hint ?? '', hint);
  });
}

test('PATH goes on after a file that cannot be executed; an empty element is the working directory', async (t) => {
  const layer = new Layer(t).file('usr/bin/app').program('home/app');
  t.deepEqual(paths(await layer.split(['app'], { env: { PATH: '/usr/bin:' }, cwd: '/home' })), ['home/app']);
});

test('without PATH as glibc: /bin and /usr/bin', async (t) => {
  const layer = new Layer(t).program('usr/bin/app').program('usr/local/bin/app');
  t.deepEqual(paths(await layer.split(['app'], { env: {} })), ['usr/bin/app']);
});

test('a working directory that the environment does not have is /', async (t) => {
  const layer = new Layer(t).program('app');
  t.deepEqual(paths(await layer.split(['./app'], { cwd: '/nowhere' })), ['app']);
});

test('an upper directory that does not exist is an error that names it', async (t) => {
  const layer = new Layer(t);
  const upper = join(layer.upper, 'nowhere');
  const error = await t.throwsAsync(layer.split(['x'], { upper }), {
    instanceOf: TeesError,
    code: 'UPPER_UNREADABLE',
  });
  t.is(error?.path, upper);
});

test('a program of this machine, whole in the layer', async (t) => {
  const layer = new Layer(t);
  mkdirSync(join(layer.upper, 'bin'));
  copyFileSync('/bin/ls', join(layer.upper, 'bin/ls'));
  const split = await layer.split(['/bin/ls'], { root: '/' });
  t.deepEqual([paths(split), split.missing], [['bin/ls'], []]);
});
