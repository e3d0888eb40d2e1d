import test from 'ava';
import { insideId } from '../../../src/scan/owners.js';

const RANGE = { self: 1001, first: 100_000 };

test('the user is root inside, subordinate ids are the others', (t) => {
  t.is(insideId(1001, RANGE), 0);
  t.is(insideId(100_000, RANGE), 1);
  t.is(insideId(100_032, RANGE), 33);
  t.is(insideId(165_534, RANGE), 65_535);
});

test('who has no id inside is nobody', (t) => {
  for (const id of [0, 33, 1002, 99_999, 165_535, 4_294_967_294]) t.is(insideId(id, RANGE), 65_534);
});
