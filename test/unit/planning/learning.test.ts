import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import {
  LEARNT_FORGET_RUNS,
  LEARNT_PATHS_MAX,
  LEARNT_RECORD_MAX_BYTES,
  LEARNT_START_MAX_MS,
} from '../../../src/base/limits.js';
import { LayerIndex } from '../../../src/planning/layer-index.js';
import { chooseLearnt, learn } from '../../../src/planning/learning.js';
import type { LearntFiles, LearntRecord, PathRead } from '../../../src/planning/learning.js';
import { encodeLearnt } from '../../../src/planning/learnt-codec.js';
import { manifestOfFiles } from './manifest-of-files.js';

const NOTHING = { files: 0, seconds: 0 };
const read = (path: string, atMs = 0): PathRead => ({ path: fromText(path), atMs });

/** The record after a run that has read these. */
function after(record: LearntRecord | undefined, paths: readonly PathRead[], traced = true): LearntRecord {
  return learn(record, { paths, total: NOTHING, traced });
}

function runs(count: number, record: LearntRecord, traced = true): LearntRecord {
  let last = record;
  for (let i = 0; i < count; i++) last = after(last, [], traced);
  return last;
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
  const total = { files: 2, seconds: 0.5 };
  const record = learn(undefined, { paths: [read('b', 30), read('a', 7)], total, traced: true });
  t.deepEqual(record, {
    runs: 1,
    last: total,
    paths: [
      { ...read('a', 7), run: 1 },
      { ...read('b', 30), run: 1 },
    ],
  });
});

test('a later run adds what it read, renews what it read again, and keeps the rest', (t) => {
  const first = after(undefined, [read('a', 1), read('b', 2)]);
  const second = after(first, [read('b', 3), read('c', 2)]);
  t.deepEqual(
    second.paths.map(({ path, run, atMs }) => [path, run, atMs]),
    [
      [fromText('a'), 1, 1],
      [fromText('c'), 2, 2],
      [fromText('b'), 2, 3],
    ],
  );
});

test('what traced runs do not read any more is forgotten', (t) => {
  const learnt = after(undefined, [read('a')]);
  t.is(runs(LEARNT_FORGET_RUNS - 1, learnt).paths.length, 1);
  t.is(runs(LEARNT_FORGET_RUNS, learnt).paths.length, 0);
});

test('where runs cannot be traced, that nothing waited says nothing', (t) => {
  const learnt = after(undefined, [read('a')], false);
  t.is(learnt.runs, 1);
  t.is(runs(10 * LEARNT_FORGET_RUNS, learnt, false).paths.length, 1);
});

test('within the budget, those go first that are read first; what does not fit goes right behind', (t) => {
  const record = after(undefined, [read('large', 1), read('small', 2), read('late', 3)]);
  const sizes = [
    ['large', 1000],
    ['late', 10],
    ['small', 10],
  ] as const;
  t.deepEqual(choose(record, sizes, 1020), { urgent: ['large', 'small', 'late'], first: [] });
  t.deepEqual(choose(record, sizes, 1015), { urgent: ['large', 'small'], first: ['late'] });
  t.deepEqual(choose(record, sizes, 20), { urgent: ['small', 'late'], first: ['large'] });
  t.deepEqual(choose(record, sizes, 0), { urgent: [], first: ['large', 'small', 'late'] });
});

test('what is asked for long after start-up does not delay the launch', (t) => {
  const record = after(undefined, [read('data', LEARNT_START_MAX_MS + 1), read('library', 5)]);
  const sizes = [
    ['data', 1],
    ['library', 1],
  ] as const;
  t.deepEqual(choose(record, sizes), { urgent: ['library'], first: ['data'] });
});

test('only what the manifest holds counts, each content once, and nothing that is urgent already', (t) => {
  const record = after(
    undefined,
    ['gone', 'a', 'link', 'library', '../etc/shadow', ''].map((it) => read(it)),
  );
  const manifest = manifestOfFiles(['a', 5, 0], ['library', 7, 1], ['link', 5, 0]);
  const { urgent, first } = chooseLearnt(record, new LayerIndex(manifest), new Set([1]), 1e9);
  t.deepEqual(
    [...urgent, ...first].map(({ content }) => content),
    [0],
  );
});

test('a record keeps within its limits; the latest stay, and of those the first ones', (t) => {
  const many = Array.from({ length: LEARNT_PATHS_MAX + 5 }, (_, i) => read(`${i}`, i));
  const record = after(undefined, many);
  t.is(record.paths.length, LEARNT_PATHS_MAX);
  t.false(record.paths.some(({ path }) => path === fromText(`${LEARNT_PATHS_MAX}`)));
  const long = Array.from({ length: 1000 }, (_, i) => read(`${'x'.repeat(4000)}${i}`, i));
  const later = after(record, long);
  t.true(encodeLearnt(later).length <= LEARNT_RECORD_MAX_BYTES);
  t.true(later.paths.some(({ path }) => path.endsWith('x0')));
  t.false(later.paths.some(({ path }) => path.endsWith('x999')));
});
