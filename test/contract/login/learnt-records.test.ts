/** What the files of the login daemon's memory are like, and that nothing in them can hurt it. */
import {
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import { LEARNT_RECORDS_MAX, LEARNT_RECORD_MAX_BYTES } from '../../../src/base/limits.js';
import { LearntRecords } from '../../../src/login/learnt-records.js';
import { temporaryDirectory } from '../../unit/planning/layer.js';

const KEY = { environment: 'e'.repeat(32), command: 'c'.repeat(32) };
const PATHS = [{ path: fromText('usr/lib/python3'), atMs: 3 }];
const LAST = { files: 1, seconds: 0.04 };
const READS = { paths: PATHS, total: LAST, traced: true };
const USER = 1234;

function create(t: ExecutionContext): {
  records: LearntRecords;
  directory: string;
  file: string;
  warnings: string[];
} {
  const directory = join(temporaryDirectory(t), 'learnt');
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const log = { error: warn, warn, info: () => {}, debug: () => {} };
  const file = join(directory, `${USER}`, `${KEY.environment}-${KEY.command}`);
  return { records: new LearntRecords(directory, log), directory, file, warnings };
}

test('what was learnt is recalled, by that user and for that command only', async (t) => {
  const { records, warnings } = create(t);
  await records.learn(USER, KEY, READS);
  t.deepEqual(await records.recall(USER, KEY), { runs: 1, last: LAST, paths: [{ ...PATHS[0]!, run: 1 }] });
  t.is(await records.recall(USER + 1, KEY), undefined);
  t.is(await records.recall(USER, { ...KEY, command: 'd'.repeat(32) }), undefined);
  t.deepEqual(warnings, []);
});

test('nobody else may read it, and nothing unfinished stays beside it', async (t) => {
  const { records, directory, file } = create(t);
  await records.learn(USER, KEY, READS);
  t.is(statSync(directory).mode & 0o777, 0o700);
  t.is(statSync(join(directory, `${USER}`)).mode & 0o777, 0o700);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(statSync(file).uid, process.getuid?.() ?? -1);
  t.is(readdirSync(join(directory, `${USER}`)).length, 1);
});

test('runs that end at the same time all count', async (t) => {
  const { records } = create(t);
  await Promise.all(Array.from({ length: 10 }, () => records.learn(USER, KEY, READS)));
  t.is((await records.recall(USER, KEY))?.runs, 10);
});

for (const [what, damage] of [
  ['cut short', (file: string) => truncateSync(file, 50)],
  ['empty', (file: string) => truncateSync(file, 0)],
  ['of other content', (file: string) => writeFileSync(file, 'x'.repeat(1000))],
  ['huge', (file: string) => truncateSync(file, LEARNT_RECORD_MAX_BYTES * 1000)],
] as const) {
  test(`a file that is ${what} is ignored with a warning, and the next run begins anew`, async (t) => {
    const { records, file, warnings } = create(t);
    await records.learn(USER, KEY, READS);
    damage(file);
    t.is(await records.recall(USER, KEY), undefined);
    t.is(warnings.length, 1);
    t.true(warnings[0]?.includes(file));
    await records.learn(USER, KEY, READS);
    t.is((await records.recall(USER, KEY))?.runs, 1);
  });
}

test('what cannot be written is told, and fails nobody', async (t) => {
  const { records, directory, warnings } = create(t);
  writeFileSync(directory, 'a file where the directory should be');
  await t.notThrowsAsync(records.learn(USER, KEY, READS));
  t.true(warnings.some((text) => text.includes('not remembered')));
  t.is(await records.forget(USER), 0);
});

test('of too many records those of the longest unused commands go; other users keep theirs', async (t) => {
  const { records, directory, file } = create(t);
  await records.learn(USER, KEY, READS);
  await records.learn(USER + 1, KEY, READS);
  const bytes = readFileSync(file);
  const name = (i: number): string =>
    join(directory, `${USER}`, `${KEY.environment}-${String(i).padStart(32, '0')}`);
  for (let i = 0; i < LEARNT_RECORDS_MAX; i++) {
    writeFileSync(name(i), bytes);
    utimesSync(name(i), 1000 + i, 1000 + i);
  }
  await records.learn(USER, KEY, READS);
  t.is(readdirSync(join(directory, `${USER}`)).length, LEARNT_RECORDS_MAX);
  t.false(existsSync(name(0)));
  t.true(existsSync(name(1)));
  t.true(existsSync(file));
  t.is((await records.recall(USER + 1, KEY))?.runs, 1);
});

test('one environment is forgotten, or all of them; never another user', async (t) => {
  const { records } = create(t);
  const other = { ...KEY, environment: 'f'.repeat(32) };
  for (const key of [KEY, { ...KEY, command: 'd'.repeat(32) }, other]) await records.learn(USER, key, READS);
  await records.learn(USER + 1, KEY, READS);
  t.is(await records.forget(USER, KEY.environment), 2);
  t.is(await records.recall(USER, KEY), undefined);
  t.is((await records.recall(USER, other))?.runs, 1);
  t.is(await records.forget(USER), 1);
  t.is((await records.recall(USER + 1, KEY))?.runs, 1);
});
