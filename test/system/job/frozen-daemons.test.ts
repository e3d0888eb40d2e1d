/**
 * Daemons that are there and do nothing any more: links that are silent for too long are dead, the job ends with an
 * error that names the node, and a daemon that wakes up again finds its way back.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../../../src/report/report.js';
import { clusterTests, runWords, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { tees } from '../../support/tees.js';
import type { Outcome } from '../../support/tees.js';

const maybe = clusterTests(
  // Who wakes up without a parent waits for one a little longer than the parent has.
  { groups: 3, groupSize: 3, uplink: '10mbit', settings: { recoveryDeadline: '2s' } },
  { small: { 'opt/file': 'content\n' }, late: { 'opt/late': Buffer.alloc(60 << 20, 'late') } },
);

/** A job whose tasks wait for a file, in which one daemon is frozen meanwhile. */
async function freeze(
  t: Test,
  frozen: string,
  nodes: readonly string[],
): Promise<Outcome & { report: Report }> {
  const file = join(t.context.scratch, `${frozen}.json`);
  const job = startJob(t, 'late', nodes.join(','), 'cat /opt/late | wc -c', '--report', file);
  for (const node of nodes) await job.task(node);
  await sleep(300);
  await t.context.cluster.signalNode(frozen, 'SIGSTOP');
  const outcome = await job.ended;
  return { ...outcome, report: JSON.parse(await readFile(file, 'utf8')) as Report };
}

maybe('a frozen daemon is noticed by its silence and named; awake again, it takes part again', async (t) => {
  t.timeout(120_000);
  const { cluster } = t.context;
  // At the same time, as the silence takes its time: a slave, a proxy, and an idle proxy nobody has asked for.
  const slave = freeze(t, 'cn1', ['cn0', 'cn1', 'cn2']);
  const proxy = freeze(t, 'cn3', ['cn3', 'cn4', 'cn5']);
  await cluster.signalNode('cn6', 'SIGSTOP');
  const borrowed = tees([...runWords(t, 'small', 'cn[7-8]'), 'cat', '/opt/file']);

  const without = await borrowed;
  t.is(without.status, 0, without.stderr);
  t.is(without.stdout.match(/content/g)?.length, 2, 'a proxy that does not answer is not borrowed');

  const one = await slave;
  t.is(one.status, 1);
  t.regex(one.stderr, /tees: LINK_SILENT: cn1[^]*node cn1/);
  t.deepEqual(one.report.lost, ['cn1']);
  const other = await proxy;
  t.is(other.status, 1);
  t.regex(other.stderr, /tees: LINK_SILENT: cn3[^]*node cn3/);
  t.deepEqual(other.report.lost, ['cn3']);

  t.deepEqual(await remainsAfterAWhile(cluster, ['cn0', 'cn2', 'cn4', 'cn5']), []);
  for (const node of ['cn1', 'cn3', 'cn6']) await cluster.signalNode(node, 'SIGCONT');
  t.deepEqual(await remainsAfterAWhile(cluster), []);
  const next = await tees([...runWords(t, 'small', 'cn[0-8]'), 'cat', '/opt/file']);
  t.is(next.status, 0, next.stderr);
  t.is(next.stdout.match(/content/g)?.length, 9);
});
