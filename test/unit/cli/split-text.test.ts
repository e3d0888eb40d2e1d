import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import { splitFacts, splitToText } from '../../../src/cli/split-text.js';
import { EARLIER_RUN } from '../../../src/planning/learnt.js';
import type { Split } from '../../../src/planning/split.js';

const LONG = `usr/lib/${'directory/'.repeat(20)}liblong.so`;
const sizes = [50_000, 1_500_000, 8, 20_000_000];
const manifest = {
  entries: [],
  contents: sizes.map((size) => ({ size: 2 * size, extents: [0, size], firstChunk: 0, chunkCount: 0 })),
  digests: Buffer.alloc(0),
};
const split: Split = {
  urgent: [
    { path: fromText('bin/app'), content: 0, reason: 'command', neededBy: fromText('command line') },
    { path: fromText(LONG), content: 1, reason: 'library', neededBy: fromText('/bin/app') },
    {
      path: fromText('etc/ld.so.cache'),
      content: 2,
      reason: 'loader-configuration',
      neededBy: fromText('/bin/app'),
    },
  ],
  order: [0, 1, 2, 3],
  urgentCount: 3,
  missing: [{ name: fromText('libx.so'), neededBy: fromText('/bin/app'), hint: 'Run ldconfig.' }],
};

test('each file under who needs it, in 80 columns', (t) => {
  const text = splitToText(manifest, split, 80);
  t.deepEqual(text.split('\n'), [
    'needed by command line',
    '  50.0 kB  command        /bin/app',
    'needed by /bin/app',
    `  1.50 MB  library        /usr/lib/director…ctory/directory/directory/liblong.so`,
    '      8 B  loader config  /etc/ld.so.cache',
    '',
    'warning: not found: libx.so, needed by /bin/app',
    '  Run ldconfig.',
    'urgent      3 files, 1.55 MB (7.2 % of the bytes)',
    'hysteretic  1 file, 20.0 MB',
    '',
  ]);
  t.true(text.split('\n').every((line) => line.length <= 80));
});

test('the facts hold names in full, and bytes of data, not of holes', (t) => {
  const facts = splitFacts(manifest, split);
  t.is(facts.urgent[1]?.path, `/${LONG}`);
  t.deepEqual(facts.files, { total: 4, urgent: 3, hysteretic: 1 });
  t.deepEqual(facts.bytes, { total: 21_550_008, urgent: 1_550_008, hysteretic: 20_000_000 });
});

test('nothing urgent', (t) => {
  const text = splitToText(manifest, { urgent: [], order: [], urgentCount: 0, missing: [] }, 80);
  t.is(text, 'urgent      0 files, 0 B (0.0 % of the bytes)\nhysteretic  0 files, 0 B\n');
});

test('what an earlier run has read stands under its reason, and what only goes first is told', (t) => {
  const learnt = {
    key: { environment: 'e', command: 'c' },
    lastRun: { files: 2, seconds: 1 },
    urgent: { files: 1, bytes: 50_000 },
    first: { files: 1, bytes: 20_000_000 },
  };
  const file = {
    path: fromText('lib/late.py'),
    content: 0,
    reason: 'learnt' as const,
    neededBy: EARLIER_RUN,
  };
  const all: Split = { urgent: [file], order: [0, 3], urgentCount: 1, missing: [], learnt };
  t.deepEqual(splitToText(manifest, all, 80).split('\n'), [
    'read at start-up by an earlier run',
    '  50.0 kB  learnt         /lib/late.py',
    '',
    'urgent      1 file, 50.0 kB (0.2 % of the bytes)',
    'hysteretic  1 file, 20.0 MB',
    '  first, as an earlier run has read them: 1 file, 20.0 MB',
    '',
  ]);
  const { key, ...facts } = learnt;
  t.truthy(key);
  t.deepEqual(splitFacts(manifest, all).learnt, facts);
});
