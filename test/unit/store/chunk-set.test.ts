import test from 'ava';
import fc from 'fast-check';
import { ChunkSet } from '../../../src/store/chunk-set.js';

/** A size and some chunks below it, often in runs, as streams leave them. */
const sets = fc.integer({ min: 1, max: 300 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    runs: fc.array(fc.tuple(fc.nat(size - 1), fc.integer({ min: 1, max: 80 })), { maxLength: 8 }),
  }),
);

function build({ size, runs }: { size: number; runs: [number, number][] }): [ChunkSet, Set<number>] {
  const set = new ChunkSet(size);
  const model = new Set<number>();
  for (const [first, length] of runs) {
    for (let chunk = first; chunk < Math.min(size, first + length); chunk++) {
      if (set.add(chunk) === model.has(chunk)) throw new Error(`add(${chunk}) answered wrongly`);
      model.add(chunk);
    }
  }
  return [set, model];
}

test('has, count and full are those of a set of numbers', (t) => {
  fc.assert(
    fc.property(sets, (input) => {
      const [set, model] = build(input);
      for (let chunk = 0; chunk < input.size; chunk++) if (set.has(chunk) !== model.has(chunk)) return false;
      return set.count === model.size && set.full === (model.size === input.size);
    }),
  );
  t.pass();
});

test('firstMissing and firstHeld find what a search one by one finds', (t) => {
  fc.assert(
    fc.property(sets, (input) => {
      const [set, model] = build(input);
      for (let from = 0; from <= input.size; from++) {
        let missing = from;
        while (missing < input.size && model.has(missing)) missing++;
        let held = from;
        while (held < input.size && !model.has(held)) held++;
        if (set.firstMissing(from) !== missing || set.firstHeld(from) !== held) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test('what ranges say is the same set again', (t) => {
  fc.assert(
    fc.property(sets, (input) => {
      const [set, model] = build(input);
      const again = ChunkSet.fromRanges(input.size, set.toRanges());
      for (let chunk = 0; chunk < input.size; chunk++)
        if (again.has(chunk) !== model.has(chunk)) return false;
      return again.count === model.size;
    }),
  );
  t.pass();
});

test('delete takes out one chunk and tells whether it was there', (t) => {
  const set = ChunkSet.fromRanges(70, [30, 5]);
  t.true(set.delete(32));
  t.false(set.delete(32));
  t.deepEqual(set.toRanges(), [30, 2, 33, 2]);
  t.is(set.count, 4);
});

test('limited ranges claim less, never more', (t) => {
  const set = ChunkSet.fromRanges(100, [0, 2, 10, 3, 50, 50]);
  t.deepEqual(set.toRanges(4), [0, 2, 10, 3]);
  t.deepEqual(set.toRanges(5), [0, 2, 10, 3]);
});

test('an empty set of size 0 is full and has no ranges', (t) => {
  const set = new ChunkSet(0);
  t.true(set.full);
  t.is(set.firstMissing(), 0);
  t.deepEqual(set.toRanges(), []);
});

test('a chunk outside is a bug of the caller', (t) => {
  const set = new ChunkSet(10);
  t.throws(() => set.add(10), { message: /assertion/ });
  t.throws(() => set.add(-1), { message: /assertion/ });
});

for (const [what, ranges] of [
  ['half a pair', [1]],
  ['nothing in a range', [1, 0]],
  ['a negative first', [-1, 2]],
  ['beyond the end', [8, 3]],
  ['overlapping', [0, 3, 2, 2]],
  ['touching', [0, 3, 3, 2]],
  ['descending', [5, 2, 0, 1]],
  ['not a number', [NaN, 1]],
  ['a fraction', [0.5, 1]],
  ['a count past all numbers', [0, Infinity]],
] as const) {
  test(`ranges that are wrong are refused: ${what}`, (t) => {
    t.throws(() => ChunkSet.fromRanges(10, ranges), { code: 'RANGES_INVALID' });
  });
}
