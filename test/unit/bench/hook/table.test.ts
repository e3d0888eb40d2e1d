/** What the trial `hook` makes of its measurements. */
import test from 'ava';
import { BY_HAND, CASES, MOMENTS, NATIVE, SIZES, WAYS } from '../../../../bench/hook/cases.js';
import type { CaseName, Measured, MomentName } from '../../../../bench/hook/cases.js';
import { misses, ratioOf, table } from '../../../../bench/hook/table.js';
import type { Results } from '../../../../bench/hook/table.js';

function measured(rate: number, cachedMiB = 0): Measured {
  const rates = Object.fromEntries(Object.keys(CASES).map((name) => [name, rate]));
  return { rates, cachedMiB };
}

function resultsOf(rateOf: (way: string) => readonly Measured[]): Results {
  const names = [NATIVE, ...WAYS.map(({ name }) => name), ...Object.values(BY_HAND)];
  const each = (): Record<string, Measured[]> =>
    Object.fromEntries(names.map((name) => [name, [...rateOf(name)]]));
  const blocked = { threads: 0, mib: 1, wakeMs: 100 };
  return {
    moments: { before: each(), late: each(), completed: each() },
    blocked: Object.fromEntries(WAYS.map(({ name }) => [name, [blocked]])),
    names: [300],
  };
}

test('a ratio is the median of the ratios within each round', (t) => {
  const rounds = {
    native: [100, 10, 1000].map((rate) => measured(rate)),
    x: [50, 9, 100].map((r) => measured(r)),
  };
  t.is(ratioOf(rounds, 'x', 'stat'), 0.5);
});

test('the table has 80 columns', (t) => {
  const results = resultsOf((way) => [measured(way === NATIVE ? 9e12 : 8e12, 1024)]);
  const lines = table(results, SIZES.full).split('\n');
  t.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
  for (const { title } of Object.values(MOMENTS)) t.true(lines.includes(title));
});

test('as fast as native misses nothing', (t) => {
  t.deepEqual(misses(resultsOf(() => [measured(100)])), []);
});

test('what falls below its aim is named, for our engine only', (t) => {
  const results = resultsOf((way) => [measured(way === NATIVE ? 100 : /\/s$/.test(way) ? 92 : 10)]);
  const [slow] = WAYS.filter(({ ours }) => ours).map(({ name }) => name);
  const found = misses(results);
  t.is(found.filter((text) => text.includes(` by ${slow} `)).length, Object.keys(CASES).length);
  t.deepEqual(
    found.filter((text) => text.includes(' by tees/s ')),
    ['sequential read', 'mmap read'].map(
      (what) => `Missed: ${what} by tees/s is 0.92, not 0.95; the layout alone: 0.92.`,
    ),
  );
  t.false(found.some((text) => /f-n|preload/.test(text)));
});

test('a second copy in the page cache is named with its moment', (t) => {
  const results = resultsOf(() => [measured(100)]);
  results.moments.late['tees/d'] = [measured(100, 256)];
  t.deepEqual(misses(results), [`Missed: 256 MiB are cached twice by tees/d, ${MOMENTS.late.title}.`]);
});

test('every moment measures every case once', (t) => {
  for (const name of Object.keys(MOMENTS) as MomentName[]) {
    const cases = MOMENTS[name].steps.flatMap((step): CaseName[] =>
      'measure' in step ? [step.measure] : [],
    );
    t.deepEqual(cases.sort(), (Object.keys(CASES) as CaseName[]).sort(), name);
  }
});
