import { deepStrictEqual } from 'node:assert';
import { linkSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import fc from 'fast-check';
import { temporaryDirectory } from '../../unit/planning/layer.js';
import { analyse } from './closure.js';
import { hasCommand, straceLoader, traceLoader } from './dynamic-loader.js';
import { LOADER, Linker } from './link.js';

const test = hasCommand('ld') && process.arch === 'x64' ? anyTest : anyTest.skip;

const NAMES = ['liba.so', 'libb.so', 'libc1.so', 'libd.so', 'libz.so.1'];
const DIRECTORIES = ['one', 'two', 'three', 'one/two'];
const PATHS = [
  '$ORIGIN',
  '$ORIGIN/two',
  '$ORIGIN/../two',
  '@/one',
  '@/two',
  '@/three/',
  '@/one//two',
  '',
  '@/nowhere',
];

const pathList = fc.option(fc.array(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 3 }), {
  nil: undefined,
});
const object = fc.record({
  needed: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 3 }),
  soname: fc.option(fc.constantFrom(...NAMES), { nil: undefined }),
  paths: pathList,
  legacyRpath: fc.boolean(),
  noDefaultLibraries: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});
const library = fc.record({
  directory: fc.constantFrom(...DIRECTORIES),
  name: fc.constantFrom(...NAMES),
  as: fc.constantFrom('file', 'file', 'file', 'symlink', 'hardlink'),
  object,
});
const machine = fc.record({
  libraries: fc.uniqueArray(library, {
    minLength: 2,
    maxLength: 7,
    selector: (it) => `${it.directory}/${it.name}`,
  }),
  program: object,
  libraryPath: pathList,
  preload: fc.option(fc.constantFrom(...NAMES), { nil: undefined }),
});

/** Hardlinks are one file: which of its names is listed does not matter. */
function byInode(paths: readonly string[]): string[] {
  const first = new Map<number, string>();
  for (const path of paths) if (!first.has(statSync(path).ino)) first.set(statSync(path).ino, path);
  return [...first.values()];
}

test('random programs: every open of the dynamic loader, in order', (t) => {
  t.timeout(240_000);
  const directory = temporaryDirectory(t);
  const linker = new Linker(join(directory, 'link'));
  let run = 0;
  const compare = (): void =>
    fc.assert(
      fc.property(machine, (it) => {
        const root = join(directory, `run-${run++}`);
        for (const name of DIRECTORIES) mkdirSync(join(root, name), { recursive: true });
        const list = (paths: readonly string[] | undefined): string | undefined =>
          paths?.join(':').replaceAll('@', root) || undefined;
        const link = (output: string, from: typeof it.program, loader?: string): string => {
          const paths = list(from.paths);
          return linker.link(output, {
            needed: from.needed,
            ...(from.soname === undefined || loader !== undefined ? {} : { soname: from.soname }),
            ...(paths === undefined ? {} : from.legacyRpath ? { rpath: paths } : { runpath: paths }),
            ...(loader === undefined ? {} : { loader }),
            flags: from.noDefaultLibraries ? ['-z', 'nodefaultlib'] : [],
          });
        };
        let previous: string | undefined;
        for (const { directory: at, name, as, object: from } of it.libraries) {
          const output = join(root, at, name);
          if (as === 'symlink' && previous !== undefined) symlinkSync(previous, output);
          else if (as === 'hardlink' && previous !== undefined) linkSync(previous, output);
          else previous = link(output, from);
        }
        const program = link(join(root, 'prog'), it.program, LOADER);
        const libraryPath = list(it.libraryPath);
        const env = {
          ...(libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath }),
          ...(it.preload === undefined ? {} : { LD_PRELOAD: it.preload }),
        };
        const options = { env, cwd: join(root, 'one') };
        const found = analyse(program, options);
        if (hasCommand('strace'))
          deepStrictEqual(byInode(found.opened), byInode(straceLoader(program, options)));
        else deepStrictEqual(found.libraries.toSorted(), traceLoader(program, options).libraries.toSorted());
      }),
      { numRuns: Number(process.env['TEES_PROPERTY_RUNS'] ?? 30), seed: 2 },
    );
  t.notThrows(compare);
});
