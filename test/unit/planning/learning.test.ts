import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import {
  LEARNT_FORGET_RUNS,
  LEARNT_PATHS_MAX,
  LEARNT_RECORD_MAX_BYTES,
  LEARNT_START_MAX_MS,
  LEARNT_TRIAL_RUNS,
} from '../../../src/base/limits.js';
import { LayerIndex } from '../../../src/planning/layer-index.js';
import { chooseLearnt, learn } from '../../../src/planning/learning.js';
import type { LearntFiles, LearntRecord, PathWait } from '../../../src/planning/learning.js';
import { encodeLearnt } from '../../../src/planning/learnt-codec.js';
import { manifestOfFiles } from './manifest-of-files.js';

const NOTHING = { files: 0, seconds: 0 };
const wait = (path: string, atMs = 0, waitedMs = 10): PathWait => ({ path: fromText(path), atMs, waitedMs });

function runs(count: number, record: LearntRecord, waits: readonly PathWait[] = []): LearntRecord {
  let after = record;
  for (let i = 0; i < count; i++) after = learn(after, waits, NOTHING);
  return after;
}

function choose(
  record: LearntRecord,
  sizes: readonly (readonly [string, number])[],
  budgetBytes = 1e9,
  taken: readonly number[] = [],
): { urgent: string[]; first: string[] } {
  const index = new LayerIndex(manifestOfFiles(...sizes));
  const chosen: LearntFiles = chooseLearnt(record, index, new Set(taken), budgetBytes);
  const paths = (files: LearntFiles['urgent']): string[] => files.map(({ path }) => path);
  return { urgent: paths(chosen.urgent), first: paths(chosen.first) };
}

test('the first run makes a record, in the order in which the program asked', (t) => {
  const last = { files: 2, seconds: 0.5 };
  const record = learn(undefined, [wait('b', 30), wait('a', 7)], last);
  t.deepEqual(record, {
    runs: 1,
    last,
    paths: [
      { ...wait('a', 7), run: 1 },
      { ...wait('b', 30), run: 1 },
    ],
  });
});

test('a later run adds what it waited for, renews what waited again, and keeps the rest', (t) => {
  const first = learn(undefined, [wait('a', 1), wait('b', 2)], NOTHING);
  const second = learn(first, [wait('b', 3, 99), wait('c', 2)], NOTHING);
  t.deepEqual(
    second.paths.map(({ path, run, waitedMs }) => [path, run, waitedMs]),
    [
      [fromText('a'), 1, 10],
      [fromText('c'), 2, 10],
      [fromText('b'), 2, 99],
    ],
  );
});

test('what no run has waited for any more is tried behind the urgent part, and then forgotten', (t) => {
  const sizes = [['a', 1]] as const;
  const learnt = learn(undefined, [wait('a')], NOTHING);
  t.deepEqual(choose(runs(LEARNT_TRIAL_RUNS - 1, learnt), sizes), { urgent: ['a'], first: [] });
  const tried = runs(LEARNT_TRIAL_RUNS, learnt);
  t.deepEqual(choose(tried, sizes), { urgent: [], first: ['a'] });
  t.deepEqual(choose(learn(tried, [wait('a')], NOTHING), sizes), { urgent: ['a'], first: [] }, 'it waited');
  t.is(runs(LEARNT_FORGET_RUNS - 1, learnt).paths.length, 1);
  t.is(runs(LEARNT_FORGET_RUNS, learnt).paths.length, 0);
});

test('within the budget, those go first for which a byte saves the most waiting', (t) => {
  const record = learn(
    undefined,
    [wait('large', 1, 300), wait('small', 2, 10), wait('late', 3, 20)],
    NOTHING,
  );
  const sizes = [
    ['large', 1000],
    ['late', 10],
    ['small', 10],
  ] as const;
  t.deepEqual(choose(record, sizes, 1020), { urgent: ['large', 'small', 'late'], first: [] });
  t.deepEqual(choose(record, sizes, 1015), { urgent: ['small', 'late'], first: ['large'] });
  t.deepEqual(choose(record, sizes, 15), { urgent: ['late'], first: ['large', 'small'] });
  t.deepEqual(choose(record, sizes, 0), { urgent: [], first: ['large', 'small', 'late'] });
});

test('what is asked for long after start-up does not delay the launch', (t) => {
  const record = learn(undefined, [wait('data', LEARNT_START_MAX_MS + 1), wait('library', 5)], NOTHING);
  const sizes = [
    ['data', 1],
    ['library', 1],
  ] as const;
  t.deepEqual(choose(record, sizes), { urgent: ['library'], first: ['data'] });
});

test('only what the manifest holds counts, each content once, and nothing that is urgent already', (t) => {
  const record = learn(
    undefined,
    ['gone', 'a', 'link', 'library', '../etc/shadow', ''].map((it) => wait(it)),
    NOTHING,
  );
  const manifest = manifestOfFiles(['a', 5, 0], ['library', 7, 1], ['link', 5, 0]);
  const { urgent, first } = chooseLearnt(record, new LayerIndex(manifest), new Set([1]), 1e9);
  t.deepEqual(
    [...urgent, ...first].map(({ content }) => content),
    [0],
  );
});

test('a record keeps within its limits; the latest and the longest waits stay', (t) => {
  const many = Array.from({ length: LEARNT_PATHS_MAX + 5 }, (_, i) => wait(`${i}`, 0, i));
  const record = learn(undefined, many, NOTHING);
  t.is(record.paths.length, LEARNT_PATHS_MAX);
  t.false(record.paths.some(({ path }) => path === fromText('4')));
  const long = Array.from({ length: 1000 }, (_, i) => wait(`${'x'.repeat(4000)}${i}`, 0, i));
  const after = learn(record, long, NOTHING);
  t.true(encodeLearnt(after).length <= LEARNT_RECORD_MAX_BYTES);
  t.true(after.paths.some(({ path }) => path.endsWith('x999')));
});

const PACKAGE = [
  ['usr/lib/x/p/data.bin', 10],
  ['usr/lib/x/p/huge.py', 2 ** 21],
  ['usr/lib/x/p/late.py', 10],
  ['usr/lib/x/p/near.py', 10],
  ['usr/lib/x/p/text', 10],
  ['usr/lib/x/q/far.py', 10],
] as const;

test('small files of the same kind beside one that waited go with it, as far as the budget reaches', (t) => {
  const record = learn(undefined, [wait('usr/lib/x/p/late.py')], NOTHING);
  const index = new LayerIndex(manifestOfFiles(...PACKAGE));
  const chosen = chooseLearnt(record, index, new Set(), 1e9);
  t.deepEqual(
    [chosen.urgent, chosen.beside, chosen.first].map((files) => files.map(({ path }) => path as string)),
    [['usr/lib/x/p/late.py'], ['usr/lib/x/p/near.py'], ['usr/lib/x/q/far.py']],
  );
  t.deepEqual(choose(record, PACKAGE, 10), {
    urgent: ['usr/lib/x/p/late.py'],
    first: ['usr/lib/x/p/near.py', 'usr/lib/x/q/far.py'],
  });
});

test('what is beside a file on trial is as unsure as that', (t) => {
  const record = runs(LEARNT_TRIAL_RUNS, learn(undefined, [wait('usr/lib/x/p/late.py')], NOTHING));
  t.deepEqual(choose(record, PACKAGE), { urgent: [], first: ['usr/lib/x/p/late.py'] });
});
