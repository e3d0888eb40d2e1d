/**
 * Daemons that die or are stopped while a job runs: the command ends with an error that names the node, the report
 * says who was lost, everybody else tears down, and the survivors run the next job.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../../../src/report/report.js';
import { brokenClusterTests, runWords, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { tees } from '../../support/tees.js';
import type { RunningJob } from '../../support/tees.js';

// Nobody comes back here, and so is not waited for long.
const OPTIONS = {
  groups: 2,
  groupSize: 3,
  uplink: '20mbit',
  restart: false,
  settings: { recoveryDeadline: '1s' },
};

const lossTest = brokenClusterTests(OPTIONS, {
  small: { 'opt/file': 'content\n' },
  late: { 'opt/late': Buffer.alloc(40 << 20, 'late') },
});

/** A job on all six nodes whose tasks wait for a file that is far away. */
async function waitingJob(t: Test): Promise<{ job: RunningJob; report: () => Promise<Report> }> {
  const file = join(t.context.scratch, `${t.title.replace(/\W+/g, '-')}.json`);
  const job = startJob(t, 'late', 'cn[0-5]', 'cat /opt/late | wc -c', '--report', file);
  for (const node of t.context.cluster.nodes) await job.task(node);
  await sleep(300);
  return { job, report: async () => JSON.parse(await readFile(file, 'utf8')) as Report };
}

async function survivorsWork(t: Test, nodes: readonly string[]): Promise<void> {
  t.deepEqual(await remainsAfterAWhile(t.context.cluster, nodes), []);
  const next = await tees([...runWords(t, 'small', nodes.join(',')), 'cat', '/opt/file']);
  t.is(next.status, 0, next.stderr);
  t.is(next.stdout.match(/content/g)?.length, nodes.length);
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  lossTest(`a slave node's daemon goes by ${signal} in the middle of the stream`, async (t) => {
    const { job, report } = await waitingJob(t);
    await t.context.cluster.signalNode('cn4', signal);
    const { status, stderr } = await job.ended;
    t.is(status, 1);
    t.regex(
      stderr,
      signal === 'SIGTERM' ? /tees: DAEMON_STOPPED[^]*node cn4/ : /tees: LINK_LOST[^]*node cn4/,
    );
    t.deepEqual((await report()).lost, ['cn4']);
    await survivorsWork(t, ['cn0', 'cn1', 'cn2', 'cn3', 'cn5']);
  });

  lossTest(
    `a proxy node's daemon goes by ${signal}: its slaves are told the end by another parent, and tear down`,
    async (t) => {
      const { job, report } = await waitingJob(t);
      await t.context.cluster.signalNode('cn3', signal);
      const { status, stderr } = await job.ended;
      t.is(status, 1);
      t.regex(
        stderr,
        signal === 'SIGTERM' ? /tees: DAEMON_STOPPED[^]*node cn3/ : /tees: LINK_LOST[^]*node cn3/,
      );
      t.deepEqual((await report()).lost, ['cn3']);
      await survivorsWork(t, ['cn0', 'cn1', 'cn2', 'cn4', 'cn5']);
    },
  );

  lossTest(
    `the login daemon goes by ${signal}: the command says so, and every node tears down`,
    async (t) => {
      const { job, report } = await waitingJob(t);
      await t.context.cluster.signalNode('login', signal);
      const { status, stderr } = await job.ended;
      t.is(status, 1);
      t.regex(stderr, signal === 'SIGTERM' ? /tees: DAEMON_STOPPED: / : /tees: DAEMON_LOST: /);
      if (signal === 'SIGTERM') t.is((await report()).errors[0]?.code, 'DAEMON_STOPPED');
      t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
    },
  );
}
