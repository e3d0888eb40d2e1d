/** What a layer changes, against real directories. */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { display } from '../../../src/base/bytes.js';
import { diffLayer } from '../../../src/scan/layer-diff.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

function put(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

async function changesOf(upper: string, lower: string): Promise<string[]> {
  const layer = await scanLayer(upper);
  await layer.close();
  return diffLayer({ manifest: layer.manifest, upper, lower }).map(
    ({ kind, path }) => `${kind} ${display(path)}`,
  );
}

test('each kind of change, and what is none', async (t) => {
  const [upper, lower] = [temporaryDirectory('diff-upper'), temporaryDirectory('diff-lower')];
  t.teardown(() => [upper, lower].forEach((path) => rmSync(path, { recursive: true })));
  for (const root of [upper, lower]) {
    put(root, 'same', 'same');
    put(root, 'deep/down/same', 'x');
    put(root, 'mode', 'm');
    symlinkSync('same', join(root, 'link'));
  }
  put(lower, 'bytes', 'abcd');
  put(upper, 'bytes', 'abce');
  put(upper, 'longer', 'more than before');
  put(lower, 'longer', 'before');
  put(upper, 'deep/new', 'x');
  chmodSync(join(upper, 'mode'), 0o600);
  symlinkSync('there', join(lower, 'moved'));
  symlinkSync('here', join(upper, 'moved'));
  put(lower, 'file', 'x');
  put(upper, 'file/inside', 'x');
  t.deepEqual(await changesOf(upper, lower), [
    'modified bytes',
    'added deep/new',
    'replaced file',
    'added file/inside',
    'modified longer',
    'metadata mode',
    'modified moved',
  ]);
});

test('a directory in the place of a link is not looked for behind it', async (t) => {
  const [upper, lower] = [temporaryDirectory('diff-upper'), temporaryDirectory('diff-lower')];
  t.teardown(() => [upper, lower].forEach((path) => rmSync(path, { recursive: true })));
  put(lower, 'real/x', 'x');
  symlinkSync('real', join(lower, 'd'));
  put(upper, 'd/x', 'x');
  t.deepEqual(await changesOf(upper, lower), ['replaced d', 'added d/x']);
});
