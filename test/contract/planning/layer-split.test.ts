import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { temporaryDirectory } from '../../unit/planning/layer.js';

const TEES = new URL('../../../../bin/tees', import.meta.url).pathname;

/** A script whose interpreter is in the layer, and whose interpreter again is the node's shell. */
function makeLayer(t: ExecutionContext): string {
  const upper = join(temporaryDirectory(t), 'upper');
  const files = {
    'opt/script': '#!/opt/interpreter -x\n',
    'opt/interpreter': '#!/bin/sh\n',
    'opt/data': 'some data',
    'opt/large': Buffer.alloc(100_000, 1),
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(upper, path)), { recursive: true });
    writeFileSync(join(upper, path), content, { mode: path.includes('a') ? 0o644 : 0o755 });
  }
  symlinkSync('data', join(upper, 'opt/link'));
  return upper;
}

function split(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(TEES, ['layer', 'split', ...args], { encoding: 'utf8', cwd: '/' });
}

test('tees layer split lists each urgent file with its reason, under who needs it', (t) => {
  const { status, stdout, stderr } = split(
    '--upper',
    makeLayer(t),
    '--',
    '/opt/script',
    '--x=/opt/link',
    '1.50',
  );
  t.is(status, 0, stderr);
  t.deepEqual(stdout.split('\n'), [
    'needed by command line',
    '     22 B  command        /opt/script',
    '      9 B  command        /opt/data',
    'needed by /opt/script',
    '     10 B  interpreter    /opt/interpreter',
    '',
    'urgent      3 files, 41 B (0.0 % of the bytes)',
    'hysteretic  1 file, 100 kB',
    '',
  ]);
});

test('tees layer split --json prints the facts, and the command as it was typed', (t) => {
  const upper = makeLayer(t);
  const { stdout } = split(
    '--upper',
    upper,
    '--urgent',
    '/opt/la*',
    '--json',
    '--',
    '/opt/script',
    '1.50',
    '0x10',
  );
  const facts = JSON.parse(stdout) as Record<string, unknown>;
  t.deepEqual(facts['command'], ['/opt/script', '1.50', '0x10']);
  t.is(facts['upper'], upper);
  t.deepEqual(facts['files'], { total: 4, urgent: 3, hysteretic: 1 });
  t.deepEqual((facts['urgent'] as unknown[])[2], {
    path: '/opt/large',
    reason: 'asked',
    neededBy: '--urgent',
    bytes: 100_000,
  });
});

const BAD: readonly [string[], number, string][] = [
  [[], 2, 'COMMAND_MISSING'],
  [['--', '/opt/nosuch'], 1, 'COMMAND_NOT_FOUND'],
  [['--', '/opt/data'], 1, 'COMMAND_NOT_EXECUTABLE'],
  [['--urgent', '/nosuch', '--', '/opt/script'], 2, 'URGENT_NOT_FOUND'],
];

for (const [args, status, code] of BAD) {
  test(`tees layer split ${args.join(' ')}: ${code}, status ${status}`, (t) => {
    const result = split('--upper', makeLayer(t), ...args);
    t.is(result.status, status);
    t.is(result.stdout, '');
    t.regex(result.stderr, new RegExp(`^tees: ${code}: `));
  });
}

test('without a login daemon the split is shown all the same, and a sentence says what is not', (t) => {
  const upper = makeLayer(t);
  const { status, stdout, stderr } = split('--upper', upper, '--socket', '/nonexistent', '--', '/opt/script');
  t.is(status, 0);
  t.regex(stdout, /^urgent {6}\d files/m);
  t.regex(
    stderr,
    /^tees: note: what earlier runs have read is not shown: the login daemon does not answer: .*\n$/,
  );
  t.is(split('--upper', upper, '--no-learn', '--', '/opt/script').stderr, '');
});
