import test from 'ava';
import { fit, formatBytes, formatSeconds, someOf, wrap } from '../../../src/report/units.js';

test('bytes are written with three digits that matter', (t) => {
  const cases = [0, 999, 1000, 41_234_567, 339_000_000, 999_600, 5e15].map(formatBytes);
  t.deepEqual(cases, ['0 B', '999 B', '1.00 kB', '41.2 MB', '339 MB', '1.00 MB', '5000 TB']);
});

test('seconds are written with three digits that matter', (t) => {
  t.deepEqual([0, 0.614, 9.996, 125.4].map(formatSeconds), ['0.00 s', '0.61 s', '10.0 s', '125 s']);
});

test('what does not fit loses its middle', (t) => {
  t.is(fit('/usr/lib/libopenblas.so.0', 12), '/us…las.so.0');
  t.is(fit('short', 12), 'short');
});

test('long texts break at spaces', (t) => {
  t.deepEqual(wrap('one two  three', 7), ['one two', 'three']);
});

test('long lists end in a count', (t) => {
  t.is(someOf(['a', 'b', 'c'], 2), 'a, b and 1 more');
  t.is(someOf(['a', 'b'], 2), 'a, b');
});
