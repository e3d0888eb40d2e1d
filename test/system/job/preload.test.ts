/**
 * The preload hook on an embedded cluster. Its uplink is slow and something large is sent first, so that whatever a
 * task touches has not arrived: without the hook it would fail.
 */
import { randomBytes } from 'node:crypto';
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import type { LayerFiles, Test } from '../../support/cluster-tests.js';

/** Sent first, for a second and more. */
const AHEAD = { 'opt/t/0-ahead': randomBytes(6 << 20) };
const script = '#!/bin/sh\necho "script $1"\n';
const text = (name: string): string => `${name} `.repeat(20_000);

const LAYERS: Readonly<Record<string, LayerFiles>> = {
  files: {
    ...AHEAD,
    ...Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [`opt/t/${name}`, text(name)])),
    'opt/t/late.py': `VALUE = 42\n${'#'.repeat(50_000)}\n`,
    'opt/t/run': script + '#'.repeat(50_000),
  },
};
const test = clusterTests({ groups: 1, groupSize: 2, uplink: '40mbit' }, LAYERS);

const run = (t: Test, layer: string, command: string, ...options: string[]) =>
  startJob(t, layer, 'cn1', command, '--hook', 'preload', '--quiet', ...options).ended;

test('programs read what arrives while they wait', async (t) => {
  const done = await run(
    t,
    'files',
    'cd /opt/t; cat a | wc -c; head -c 2 b; cp c /tmp/c.$$ && wc -c < /tmp/c.$$',
  );
  t.is(done.status, 0, done.stderr);
  t.deepEqual(done.stdout.split('\n'), ['cn1: 40000', 'cn1: b 40000', '']);
});

test('an interpreter and what it imports, from an empty environment', async (t) => {
  const done = await run(
    t,
    'files',
    'cd /opt/t; env -i /usr/bin/python3 -c "import late; print(late.VALUE)"',
  );
  t.is(done.stdout, 'cn1: 42\n', done.stderr);
});

test('renaming, linking and changing what has not arrived', async (t) => {
  const command =
    'cd /opt/t; mv a A; ln b B; chmod 600 c; head -c 1 A; head -c 1 B; head -c 1 c; stat -c %a c';
  const done = await run(t, 'files', command);
  t.is(done.stdout, 'cn1: abc600\n', done.stderr);
});
