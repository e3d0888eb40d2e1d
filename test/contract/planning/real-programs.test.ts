import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'ava';
import { analyse } from './closure.js';
import { hasCommand, straceLoader, traceLoader } from './dynamic-loader.js';

const PROGRAMS = [
  '/bin/ls',
  '/bin/bash',
  '/usr/bin/git',
  '/usr/bin/python3',
  '/usr/bin/perl',
  '/usr/bin/openssl',
  '/usr/bin/curl',
  '/usr/bin/ssh',
  '/usr/bin/apt-get',
  '/usr/bin/g++',
  '/usr/bin/gdb',
  '/usr/bin/mpirun',
  process.execPath,
  ...compilerPasses(),
];

function compilerPasses(): string[] {
  const root = '/usr/lib/gcc/x86_64-linux-gnu';
  const versions = existsSync(root) ? readdirSync(root) : [];
  return versions.flatMap((version) => [`${root}/${version}/cc1`, `${root}/${version}/lto1`]);
}

for (const program of PROGRAMS) {
  const skip = existsSync(program) ? undefined : 'not installed here';
  (skip === undefined ? test : test.skip)(
    `${program} loads what the dynamic loader loads${skip === undefined ? '' : ` (${skip})`}`,
    (t) => {
      const real = traceLoader(program);
      t.true(real.libraries.length > 0);
      const found = analyse(program);
      t.deepEqual(found.libraries.toSorted(), real.libraries.toSorted());
      t.deepEqual(found.missing, real.missing);
    },
  );
}

const opensOf = hasCommand('strace') ? test : test.skip;
opensOf(`the opens of the loader, its configuration included, in order (strace)`, (t) => {
  t.deepEqual(analyse('/usr/bin/git').opened, straceLoader('/usr/bin/git'));
});

test('libraries of a directory of programs, with LD_LIBRARY_PATH into a directory that repeats them', (t) => {
  const directory = dirname(realpathSync('/lib64/ld-linux-x86-64.so.2'));
  const env = { LD_LIBRARY_PATH: `/nonexistent::${directory}/;/usr/lib` };
  const found = analyse('/usr/bin/git', { env });
  t.deepEqual(found.libraries.toSorted(), traceLoader('/usr/bin/git', { env }).libraries.toSorted());
});
