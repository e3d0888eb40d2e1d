/** The trees that the trial `hook` deploys. */
import test from 'ava';
import { SIZES } from '../../../../bench/hook/cases.js';
import { CLIENT, MAP, READ, REST, SUBTREES, makeNames, makeTree } from '../../../../bench/hook/tree.js';

test('entries ascend, parents first, and each file has its content', (t) => {
  const { manifest, paths } = makeTree({ ...SIZES.full, directories: 12, perDirectory: 3 }, 100);
  const names = manifest.entries.map(({ path }) => String(path));
  t.deepEqual(names, [...names].sort());
  t.is(new Set(names).size, names.length);
  const files = manifest.entries.filter(({ type }) => type === 'file');
  t.deepEqual(
    files.map(({ path, content }) => [String(path), content]),
    paths.map((path, content) => [path, content]),
  );
  for (const path of [CLIENT, READ, MAP, REST, `${SUBTREES.list}/d11/f2`]) t.true(paths.includes(path), path);
  t.is(manifest.contents[paths.indexOf(CLIENT)]?.size, 100);
});

test('as many names as asked for', (t) => {
  t.is(makeNames(1000).manifest.entries.length - 1, 1000);
});
