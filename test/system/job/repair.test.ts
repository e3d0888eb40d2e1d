/**
 * Relays that die, freeze or are cut off in the middle of a stream: everybody else gets another parent and completes,
 * and what becomes of the job without the lost node is the job's policy.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../../../src/report/report.js';
import { brokenClusterTests, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import type { Outcome } from '../../support/tees.js';

const OPTIONS = {
  groups: 2,
  groupSize: 4,
  uplink: '40mbit',
  restart: false,
  settings: { recoveryDeadline: '4s', repairDelay: '300ms', silenceDeadline: '2s' },
};
const LATE_BYTES = 12 << 20;

const repairTest = brokenClusterTests(OPTIONS, {
  late: { 'opt/late': Buffer.alloc(LATE_BYTES, 'late') },
});

interface Job {
  readonly done: () => Promise<Outcome & { report: Report }>;
}

async function streamingJob(t: Test, nodes: string, ...options: string[]): Promise<Job> {
  const file = join(t.context.scratch, `${t.title.replace(/\W+/g, '-')}.json`);
  const job = startJob(t, 'late', nodes, 'cat /opt/late | wc -c', '--complete', '--report', file, ...options);
  await job.task('cn5');
  await sleep(500);
  return {
    done: async () => ({
      ...(await job.ended),
      report: JSON.parse(await readFile(file, 'utf8')) as Report,
    }),
  };
}

const lines = (...nodes: string[]): string[] => nodes.map((node) => `${node}: ${LATE_BYTES}`);

repairTest('a proxy node is killed: the others complete, and the job goes on without it', async (t) => {
  const { done } = await streamingJob(t, 'cn[0-7]', '--on-loss', 'continue');
  await t.context.cluster.signalNode('cn4', 'SIGKILL');
  const { status, stdout, stderr, report } = await done();
  t.is(status, 0, stderr);
  const survivors = ['cn0', 'cn1', 'cn2', 'cn3', 'cn5', 'cn6', 'cn7'];
  t.deepEqual(stdout.trim().split('\n').sort(), lines(...survivors));
  t.deepEqual(report.lost, ['cn4']);
  t.like(report.losses[0], { node: 'cn4', path: ['login', 'cn4'], code: 'LINK_LOST' });
  t.regex(stderr, /warning: cn4 is lost after [\d.]+ s \(login > cn4\): LINK_LOST/);
  t.truthy(report.timeline.hystereticDelivered);
  t.deepEqual(await remainsAfterAWhile(t.context.cluster, survivors), []);
});

repairTest(
  'a frozen proxy node and a slave that is cut off: both are named, and awake again neither does harm',
  async (t) => {
    const { cluster } = t.context;
    const { done } = await streamingJob(t, 'cn[0-7]', '--on-loss', 'continue');
    await cluster.signalNode('cn0', 'SIGSTOP');
    await cluster.exec('cn6', ['ip', 'link', 'set', 'eth0', 'down']);
    const { status, stdout, stderr, report } = await done();
    t.is(status, 0, stderr);
    t.deepEqual(stdout.trim().split('\n').sort(), lines('cn1', 'cn2', 'cn3', 'cn4', 'cn5', 'cn7'));
    t.deepEqual([...report.lost].sort(), ['cn0', 'cn6']);
    t.deepEqual(report.losses.find(({ node }) => node === 'cn6')?.path, ['login', 'cn4', 'cn6']);
    await cluster.signalNode('cn0', 'SIGCONT');
    await cluster.exec('cn6', ['ip', 'link', 'set', 'eth0', 'up']);
    t.deepEqual(await remainsAfterAWhile(cluster), []);
  },
);

repairTest(
  'a proxy node that is back in time loses its slaves to another parent, and nothing else',
  async (t) => {
    const { done } = await streamingJob(t, 'cn[4-7]');
    await t.context.cluster.signalNode('cn4', 'SIGSTOP');
    // Its parent has heard nothing for two seconds, and waits for four more.
    await sleep(4_000);
    await t.context.cluster.signalNode('cn4', 'SIGCONT');
    const { status, stdout, stderr, report } = await done();
    t.is(status, 0, stderr);
    t.deepEqual(stdout.trim().split('\n').sort(), lines('cn4', 'cn5', 'cn6', 'cn7'));
    t.deepEqual(report.lost, []);
    t.deepEqual(report.errors, []);
    t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
  },
);

repairTest('a spare node takes the place of one that is lost', async (t) => {
  const { done } = await streamingJob(t, 'cn5,cn[0-4]', '--on-loss', 'replace', '--spares', 'cn[6-7]');
  await t.context.cluster.signalNode('cn4', 'SIGKILL');
  const { status, stdout, stderr, report } = await done();
  t.is(status, 0, stderr);
  t.deepEqual(stdout.trim().split('\n').sort(), lines('cn0', 'cn1', 'cn2', 'cn3', 'cn5', 'cn6'));
  t.like(report.losses[0], { node: 'cn4', replacement: 'cn6' });
  t.deepEqual(report.nodes.at(-1), 'cn6');
  t.regex(stderr, /cn6 takes its place/);
});
