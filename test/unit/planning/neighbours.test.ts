import test from 'ava';
import type { ByteString } from '../../../src/base/bytes.js';
import {
  LEARNT_FAR_MAX_BYTES,
  LEARNT_FAR_TOTAL_MAX_BYTES,
  LEARNT_NEAR_DIRECTORY_MAX_BYTES,
  LEARNT_NEAR_MAX_BYTES,
} from '../../../src/base/limits.js';
import { LayerIndex } from '../../../src/planning/layer-index.js';
import type { LayerFile } from '../../../src/planning/layer-index.js';
import { neighbours } from '../../../src/planning/neighbours.js';
import { manifestOfFiles } from './manifest-of-files.js';

function around(
  waited: string,
  ...others: readonly (string | readonly [string, number])[]
): { near: string[]; far: string[] } {
  const files = others.map((it) => (typeof it === 'string' ? ([it, 10] as const) : it));
  const index = new LayerIndex(manifestOfFiles([waited, 10], ...files));
  const { near, far } = neighbours(index, [index.file(waited as ByteString) as LayerFile], new Set([0]));
  const paths = (list: readonly LayerFile[]): string[] => list.map(({ path }) => path);
  return { near: paths(near), far: paths(far) };
}

const many = (directory: string, count: number, size: number): [string, number][] =>
  Array.from({ length: count }, (_, i) => [`${directory}/${i}.pyc`, size]);

test('near is the same directory, far what lies around the one above; of the same kind only', (t) => {
  const found = around(
    'lib/py/scipy/cache/a.pyc',
    ...['lib/py/scipy/cache/b.pyc', 'lib/py/scipy/cache/b.py', 'lib/py/scipy/cache/b'],
    ...['lib/py/scipy/ivp/c.pyc', 'lib/py/scipy/c.pyc', 'lib/py/scipy/ivp/cache/d.pyc', 'lib/py/scipy/d.so'],
    ...['lib/py/numpy/cache/e.pyc', 'lib/py/scipy/x/y/z/f.pyc'],
  );
  t.deepEqual(found, {
    near: ['lib/py/scipy/cache/b.pyc'],
    far: ['lib/py/scipy/c.pyc', 'lib/py/scipy/ivp/c.pyc', 'lib/py/scipy/ivp/cache/d.pyc'],
  });
});

test('what has no kind has no neighbours: programs, numbered files, hidden ones', (t) => {
  t.deepEqual(around('usr/bin/a', 'usr/bin/b'), { near: [], far: [] });
  t.deepEqual(around('d/lib.so.1', 'd/libx.so.1'), { near: [], far: [] });
  t.deepEqual(around('d/.profile', 'd/x.profile'), { near: [], far: [] });
});

test('close to the root everything would be far from nothing', (t) => {
  t.deepEqual(around('usr/lib/a.so', 'usr/lib/b.so', 'usr/share/c.so'), { near: ['usr/lib/b.so'], far: [] });
});

test('large files are no neighbours, and directories full of small ones are data sets', (t) => {
  const large = LEARNT_NEAR_MAX_BYTES;
  t.deepEqual(around('d/a.pyc', ['d/b.pyc', large + 1], ['d/c.pyc', large]).near, ['d/c.pyc']);
  const enough = LEARNT_NEAR_DIRECTORY_MAX_BYTES / large;
  t.is(around('d/a.pyc', ...many('d', enough, large)).near.length, enough);
  t.is(around('d/a.pyc', ...many('d', enough + 1, large)).near.length, 0);
});

test('farther off only what is smaller still, and all of it or nothing', (t) => {
  const large = LEARNT_FAR_MAX_BYTES;
  t.deepEqual(around('l/p/q/d/a.pyc', ['l/p/q/e/b.pyc', large + 1], ['l/p/q/e/c.pyc', large]).far, [
    'l/p/q/e/c.pyc',
  ]);
  const enough = LEARNT_FAR_TOTAL_MAX_BYTES / large;
  t.is(around('l/p/q/d/a.pyc', ...many('l/p/q/e', enough, large)).far.length, enough);
  t.is(around('l/p/q/d/a.pyc', ...many('l/p/q/e', enough + 1, large)).far.length, 0);
});

test('equal contents count once', (t) => {
  const index = new LayerIndex(
    manifestOfFiles(['d/a.py', 1, 0], ['d/b.py', 1, 1], ['d/c.py', 1, 1], ['d/d.py', 1, 0]),
  );
  const waited = index.file('d/a.py' as ByteString) as LayerFile;
  t.deepEqual(
    neighbours(index, [waited], new Set([0])).near.map(({ content }) => content),
    [1],
  );
});
