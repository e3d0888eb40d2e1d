/** Acceptance: an upper layer of every special case is the same inside the environment. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import { describeTree } from '../../support/compare-trees.js';
import { SPECIAL, makeSpecialLayer } from '../../support/special-layer.js';
import { RunningJob, withoutCluster } from '../../support/tees.js';

const test = anyTest as TestFn<{ cluster: EmbeddedCluster; upper: string; host: string }>;
const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';
const DESCRIBE = new URL('../../support/describe-tree.js', import.meta.url).pathname;

test.before(async (t) => {
  if (withoutCluster) return;
  t.context.upper = await mkdtemp(join(tmpdir(), 'tees-special-'));
  // What the layer hides and merges with must be on the node: a directory of our own at the host's root.
  t.context.host = await mkdtemp('/tees-test-');
  mkdirSync(join(t.context.host, 'opaque'));
  for (const name of ['gone', 'opaque/below', 'kept']) writeFileSync(join(t.context.host, name), name);
  await makeSpecialLayer(t.context.upper, { hide: [`${t.context.host.slice(1)}/gone`] });
  t.context.cluster = await startCluster({ groups: 1, groupSize: 2, uplink: '200mbit' });
});

test.after.always(async (t) => {
  await t.context.cluster?.down();
  for (const directory of [t.context.upper, t.context.host]) {
    if (directory) await rm(directory, { recursive: true, force: true });
  }
});

for (const layout of ['stacked', 'data-only']) {
  maybe(`every special case round-trips, layout ${layout}${because}`, async (t) => {
    const { cluster, upper, host } = t.context;
    const options = ['--nodes', 'cn[0-1]', '--upper', upper, '--layout', layout];
    const job = new RunningJob([
      'run',
      '--cluster',
      cluster.stateDirectory,
      ...options,
      '--',
      'sleep',
      '600',
    ]);
    try {
      for (const node of cluster.nodes) {
        const pid = await job.task(node);
        // As root, but in the task's mount namespace: every file can be read, whoever owns it.
        const inside = (...argv: string[]): string =>
          spawnSync('nsenter', ['-t', String(pid), '-m', '--', ...argv], { encoding: 'utf8' }).stdout;
        const seen = inside(process.execPath, DESCRIBE, `/${SPECIAL}`).trimEnd().split('\n');
        t.true(seen.length > 50);
        t.deepEqual(differences(describeTree(join(upper, SPECIAL)), seen), []);
        t.is(inside('ls', host).trim(), 'kept\nopaque', 'a whiteout hides, the rest of the node shows');
        t.false(inside('ls', '-a', '/').split('\n').includes('.tees'));
      }
    } finally {
      job.signal('SIGTERM');
      await job.ended;
    }
    t.true(existsSync(join(host, 'gone')), 'the node itself is as it was');
  });
}

/** A line for each that is in one and not in the other. */
function differences(expected: readonly string[], seen: readonly string[]): string[] {
  const [before, after] = [new Set(expected), new Set(seen)];
  return [
    ...expected.filter((line) => !after.has(line)).map((line) => `- ${line}`),
    ...seen.filter((line) => !before.has(line)).map((line) => `+ ${line}`),
  ];
}
