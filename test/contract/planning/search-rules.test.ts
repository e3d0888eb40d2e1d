import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import anyTest from 'ava';
import { processorsFor } from '../../../src/elf/loader-profile.js';
import { temporaryDirectory } from '../../unit/planning/layer.js';
import { analyse } from './closure.js';
import type { OracleOptions } from './dynamic-loader.js';
import { hasCommand, straceLoader, traceLoader } from './dynamic-loader.js';
import { LOADER, Linker } from './link.js';

const test = hasCommand('ld') && process.arch === 'x64' ? anyTest : anyTest.skip;

function setUp(t: ExecutionContext): { at: (path: string) => string; linker: Linker } {
  const directory = temporaryDirectory(t);
  return { at: (path) => join(directory, path), linker: new Linker(join(directory, 'link')) };
}

/** @returns what both say; the test looks at it, so that it does not compare nothing with nothing */
function agree(t: ExecutionContext, program: string, options: OracleOptions = {}): string[] {
  const real = traceLoader(program, options);
  const found = analyse(program, options);
  t.deepEqual(found.libraries.toSorted(), real.libraries.toSorted());
  t.deepEqual(found.missing.toSorted(), real.missing.toSorted());
  if (hasCommand('strace')) {
    t.deepEqual(found.opened, straceLoader(program, options), 'the opens, in order');
  }
  return found.libraries;
}

test('DT_RPATH serves the libraries of libraries, too', (t) => {
  const { at, linker } = setUp(t);
  const b = linker.link(at('libs/libb.so'));
  linker.link(at('libs/liba.so'), { needed: ['libb.so'] });
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], rpath: at('libs') });
  t.true(agree(t, program).includes(b));
});

test('DT_RUNPATH serves only the object that has it', (t) => {
  const { at, linker } = setUp(t);
  const b = linker.link(at('libs/libb.so'));
  linker.link(at('libs/liba.so'), { needed: ['libb.so'] });
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], runpath: at('libs') });
  t.false(agree(t, program).includes(b));
});

test('an object with DT_RUNPATH does not use the DT_RPATH of its loaders', (t) => {
  const { at, linker } = setUp(t);
  const b = linker.link(at('libs/libb.so'));
  linker.link(at('libs/liba.so'), { needed: ['libb.so'], runpath: at('empty') });
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], rpath: at('libs') });
  t.false(agree(t, program).includes(b));
});

test('LD_LIBRARY_PATH comes before DT_RUNPATH and after DT_RPATH', (t) => {
  const { at, linker } = setUp(t);
  const env = { LD_LIBRARY_PATH: at('env') };
  const inEnv = linker.link(at('env/liba.so'));
  const inPath = linker.link(at('path/liba.so'));
  const runpath = linker.link(at('prog1'), { loader: LOADER, needed: ['liba.so'], runpath: at('path') });
  t.true(agree(t, runpath, { env }).includes(inEnv));
  const rpath = linker.link(at('prog2'), { loader: LOADER, needed: ['liba.so'], rpath: at('path') });
  t.true(agree(t, rpath, { env }).includes(inPath));
});

test('$ORIGIN is the directory of the real program, not of a symbolic link to it', (t) => {
  const { at, linker } = setUp(t);
  const a = linker.link(at('app/lib/liba.so'));
  linker.link(at('app/bin/prog'), { loader: LOADER, needed: ['liba.so'], runpath: '$ORIGIN/../lib' });
  mkdirSync(at('bin'));
  symlinkSync(at('app/bin/prog'), at('bin/prog'));
  t.true(agree(t, at('bin/prog')).includes(a));
});

test('$ORIGIN of a library is where it was found, not where its symbolic link leads', (t) => {
  const { at, linker } = setUp(t);
  const b = linker.link(at('found/libb.so'));
  linker.link(at('store/liba.so.1'), { needed: ['libb.so'], runpath: '${ORIGIN}' });
  symlinkSync(at('store/liba.so.1'), at('found/liba.so'));
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], rpath: at('found') });
  t.true(agree(t, program).includes(b));
});

test('$LIB and $PLATFORM in paths, and a name that only begins like a token', (t) => {
  const { at, linker } = setUp(t);
  const a = linker.link(at('lib/x86_64-linux-gnu/liba.so'));
  const b = linker.link(at('p/x86_64/libb.so'));
  const c = linker.link(at('$LIBRARY/libc1.so'));
  const program = linker.link(at('prog'), {
    loader: LOADER,
    needed: ['liba.so', 'libb.so', 'libc1.so'],
    rpath: `${at('$LIB')}:${at('p')}/$\{PLATFORM}:${at('$LIBRARY')}`,
  });
  // $PLATFORM is the processor's: what any processor may find is more than what this one finds.
  const real = traceLoader(program).libraries;
  const found = analyse(program).libraries;
  t.deepEqual(
    real.filter((it) => !found.includes(it)),
    [],
  );
  t.deepEqual([a, b, c].filter((it) => found.includes(it)).length, 3);
  t.true(real.includes(c));
});

test('a library of another class is opened, refused, and the search goes on', (t) => {
  const { at, linker } = setUp(t);
  const bytes = readFileSync(linker.link(at('good/liba.so')));
  bytes[4] = 1;
  mkdirSync(at('bad'));
  writeFileSync(at('bad/liba.so'), bytes);
  const rpath = `${at('bad')}:${at('good')}`;
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], rpath });
  t.true(agree(t, program).includes(at('good/liba.so')));
  t.true(analyse(program).opened.includes(at('bad/liba.so')), 'it must be there to be refused');
});

test('a library loaded under one name answers to its soname', (t) => {
  const { at, linker } = setUp(t);
  linker.link(at('libs/liba-1.so'), { soname: 'liba.so' });
  const other = linker.link(at('libs/liba.so'));
  linker.link(at('libs/libb.so'), { needed: ['liba.so'] });
  const needed = ['liba-1.so', 'libb.so'];
  const program = linker.link(at('prog'), { loader: LOADER, needed, rpath: at('libs') });
  t.false(agree(t, program).includes(other));
});

test('two names of one inode are one object', (t) => {
  const { at, linker } = setUp(t);
  linker.link(at('libs/liba.so'));
  symlinkSync('liba.so', at('libs/libb.so'));
  const needed = ['liba.so', 'libb.so'];
  const program = linker.link(at('prog'), { loader: LOADER, needed, rpath: at('libs') });
  t.is(agree(t, program).filter((path) => path.startsWith(at('libs'))).length, 1);
});

test('LD_PRELOAD, by name and by path, comes first', (t) => {
  const { at, linker } = setUp(t);
  const a = linker.link(at('libs/liba.so'), { needed: ['libb.so'] });
  const b = linker.link(at('libs/libb.so'));
  const program = linker.link(at('prog'), { loader: LOADER });
  const env = { LD_LIBRARY_PATH: at('libs'), LD_PRELOAD: `${a}:libb.so` };
  const libraries = agree(t, program, { env });
  t.deepEqual(libraries.slice(0, 2), [a, b]);
});

test('names with a slash, absolute and relative to the working directory', (t) => {
  const { at, linker } = setUp(t);
  const a = linker.link(at('libs/liba.so'));
  const b = linker.link(at('libs/libb.so'));
  const program = linker.link(at('prog'), { loader: LOADER, needed: [a, './libs/libb.so'] });
  const libraries = agree(t, program, { cwd: at('.') });
  t.true(libraries.includes(a) && libraries.includes(b));
});

test('an empty element of LD_LIBRARY_PATH is the working directory', (t) => {
  const { at, linker } = setUp(t);
  const a = linker.link(at('libs/liba.so'));
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'] });
  const env = { LD_LIBRARY_PATH: `:${at('nowhere')}` };
  t.true(agree(t, program, { env, cwd: at('libs') }).includes(a));
});

test('an object that refuses default libraries gets none, not even by the cache', (t) => {
  const { at, linker } = setUp(t);
  const flags = ['-z', 'nodefaultlib'];
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['libz.so.1'], flags });
  t.false(agree(t, program).some((path) => path.includes('libz')));
});

test('what is nowhere is missing, and names who needs it', (t) => {
  const { at, linker } = setUp(t);
  const a = linker.link(at('libs/liba.so'), { needed: ['libnowhere.so.7'] });
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], rpath: at('libs') });
  agree(t, program);
  t.deepEqual(analyse(program).closure.missing, [{ name: 'libnowhere.so.7', neededBy: a }] as never);
});

test('libraries for better processors: as this one chooses, and all that any may choose', (t) => {
  const { at, linker } = setUp(t);
  const levels = ['x86-64-v2', 'x86-64-v3', 'x86-64-v4'].map((it) => at(`libs/glibc-hwcaps/${it}/liba.so`));
  for (const path of [...levels, at('libs/liba.so')]) linker.link(path);
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], rpath: at('libs') });
  const real = traceLoader(program).libraries.toSorted();
  const choices = processorsFor(62).map((it) => analyse(program, { processors: [it] }).libraries.toSorted());
  t.true(choices.some((it) => JSON.stringify(it) === JSON.stringify(real)));
  const all = analyse(program).libraries;
  t.deepEqual(
    [...levels, at('libs/liba.so')].filter((it) => !all.includes(it)),
    [],
  );
});

test('legacy processor directories, where this loader still has them', (t) => {
  const { at, linker } = setUp(t);
  linker.link(at('libs/tls/x86_64/liba.so'));
  linker.link(at('libs/liba.so'));
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], rpath: at('libs') });
  t.true(agree(t, program).some((path) => path.endsWith('liba.so')));
});

test('a file that is no library ends the search, as it ends the loader', (t) => {
  const { at, linker } = setUp(t);
  mkdirSync(at('bad'));
  writeFileSync(at('bad/liba.so'), 'INPUT(-lc)\n');
  linker.link(at('good/liba.so'));
  const rpath = `${at('bad')}:${at('good')}`;
  const program = linker.link(at('prog'), { loader: LOADER, needed: ['liba.so'], rpath });
  const found = analyse(program);
  t.true(found.opened.includes(at('bad/liba.so')));
  t.false(found.opened.includes(at('good/liba.so')));
  if (hasCommand('strace')) t.false(straceLoader(program).includes(at('good/liba.so')));
});

test('nothing is loaded for a static program, nor for a static-pie one', (t) => {
  const { at, linker } = setUp(t);
  const fixed = linker.link(at('fixed'), { loader: '', flags: ['-static'] });
  const pie = linker.link(at('pie'), {
    loader: '',
    flags: ['-static', '-pie', '--no-dynamic-linker', '-z', 'text'],
  });
  for (const program of [fixed, pie]) {
    t.deepEqual(analyse(program).closure, { opened: [], missing: [] });
    if (hasCommand('strace')) t.deepEqual(straceLoader(program), []);
  }
});
