import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import { diffText } from '../../../src/cli/diff-text.js';
import type { Change } from '../../../src/scan/layer-diff.js';

const change = (kind: Change['kind'], path: string, size = 0, type: Change['type'] = 'file'): Change => {
  return { kind, path: fromText(path), type, size };
};

test('nothing is changed', (t) => {
  t.is(diffText([]), 'Nothing is changed.\n');
});

test('a line for each, and a sum', (t) => {
  const text = diffText([
    change('added', 'opt/a\n', 1500),
    change('metadata', 'etc/b', 700),
    change('deleted', 'etc/c', 0, 'whiteout'),
    change('replaced', 'etc/d', 0, 'directory'),
  ]);
  const lines = text.split('\n');
  t.regex(lines[0] ?? '', /^A +1\.50 kB {2}\/opt\/a\\x0a$/);
  t.deepEqual(lines.slice(1, 4), ['m            /etc/b', 'D            /etc/c', 'R            /etc/d/']);
  t.is(lines[5], '4 changes: 1 added, 1 in mode or owner alone, 1 deleted, 1 replaced; 1.50 kB');
});
