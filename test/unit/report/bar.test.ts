import test from 'ava';
import fc from 'fast-check';
import { bar } from '../../../src/report/bar.js';

const UNICODE = { unicode: true };

test('a full bar fills its width and an empty one is blank', (t) => {
  t.is(bar(0, 7, 7, 4, UNICODE), '████');
  t.is(bar(0, 0, 7, 4, UNICODE), '    ');
});

test('the end is exact to an eighth of a column', (t) => {
  t.is(bar(0, 5, 8, 4, UNICODE), '██▌ ');
  t.is(bar(0, 1, 32, 4, UNICODE), '▏   ');
});

test('what is not nothing is seen', (t) => {
  t.is(bar(0, 0.001, 100, 4, UNICODE), '▏   ');
  t.is(bar(99.999, 100, 100, 4, { unicode: false }), '   #');
});

test('a bar has its width, whatever the figures', (t) => {
  const figure = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(
      figure,
      figure,
      figure,
      fc.integer({ min: 1, max: 100 }),
      fc.boolean(),
      (a, b, c, width, unicode) => {
        t.is(bar(a, b, c, width, { unicode }).length, width);
      },
    ),
  );
});
