import test from 'ava';
import { isAtLeast } from '../../../../src/cli/doctor/checks.js';
import { fail, findingsText, ok, warn } from '../../../../src/cli/doctor/finding.js';

test('what is well is one line; what is not says what to do; nothing is wider than 80 columns', (t) => {
  const advice = 'Do this, and then that. '.repeat(8);
  const text = findingsText([
    ok('Linux', '6.18', advice),
    warn('store', 'small', advice),
    fail('key', 'x', 'y'),
  ]);
  const lines = text.split('\n');
  t.true(lines.every((line) => line.length <= 80));
  t.regex(text, /^ok {4}Linux +6\.18\nwarn {2}store +small\n {6}Do this/);
  t.regex(text, /fail {2}key +x\n {6}y\n1 of 3 checks failed\n$/);
});

test('the last line says how it is', (t) => {
  t.regex(findingsText([ok('a', 'b')]), /all is well\n$/);
  t.regex(findingsText([warn('a', 'b', 'c')]), /it will work; 1 to look at\n$/);
});

test('kernel versions are compared by their numbers', (t) => {
  t.true(isAtLeast('6.18.5-generic', '6.9'));
  t.true(isAtLeast('4.19.0', '4.19'));
  t.false(isAtLeast('4.4.0', '4.19'));
  t.true(isAtLeast('10.0', '9.9'));
});
