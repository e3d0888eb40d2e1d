import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import { isPattern, pathMatcher } from '../../../src/planning/path-pattern.js';
import { temporaryDirectory } from './layer.js';

const PATHS = [
  'a',
  'ab',
  'abc',
  'b-c',
  'd/a',
  'd/ab',
  'd/e/a',
  'd/e/f/a.so',
  'lib.so',
  'lib.so.1',
  ']',
  'x]',
];
const PATTERNS = [
  'a*',
  '*',
  '?',
  '??',
  '*b*',
  '*/*',
  'd/*/a',
  '**/a',
  '**/*.so',
  'd/**/a*',
  '[ab]*',
  '[!a]*',
  '[a-c]?',
  '[]x]*',
  '[z-a]',
  'lib.so*',
  'lib?so',
  'a**c',
  '[a',
  '*.[0-9]',
  '**/e/**/*.so',
];

for (const pattern of PATTERNS) {
  test(`${pattern} matches what bash's does`, (t) => {
    const directory = temporaryDirectory(t);
    for (const path of PATHS) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), '');
    }
    const script = `shopt -s globstar nullglob; for f in ${pattern}; do [ -f "$f" ] && echo "$f"; done; true`;
    const listed = execFileSync('bash', ['--norc', '-c', script], {
      cwd: directory,
      encoding: 'utf8',
      env: { LC_ALL: 'C' },
    });
    const matches = pathMatcher(pattern);
    t.deepEqual(
      PATHS.filter((path) => matches(fromText(path))).toSorted(),
      listed.split('\n').filter(Boolean).toSorted(),
    );
  });
}

test('a hostile pattern takes no time', (t) => {
  t.false(pathMatcher(`${'*a'.repeat(100)}b`)(fromText('a'.repeat(255))));
  t.false(pathMatcher(`${'**/a/'.repeat(50)}b`)(fromText('a/'.repeat(1000))));
});

test('what is a pattern', (t) => {
  t.deepEqual(['a', 'a*', '?', '[x]', 'a]'].map(isPattern), [false, true, true, true, false]);
});
