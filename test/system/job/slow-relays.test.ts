/** A proxy node that lives and passes on little: those below it get another parent, and it stays in the job as a leaf. */
import { createHash, randomFillSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../../../src/report/report.js';
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { linesByNode } from '../../support/tees.js';

const LATE = randomFillSync(Buffer.alloc(12 << 20));
const DIGEST = createHash('sha256').update(LATE).digest('hex');
/** At the slow node's pace each of the two below it would take a minute and a half. */
const SLOW_MBIT = 2;
const SECONDS_MAX = 45;

const maybe = clusterTests({ groups: 2, groupSize: 3, uplink: '40mbit' }, { late: { 'opt/late': LATE } });

async function tc(t: Test, node: string, ...words: string[]): Promise<void> {
  const { status, stderr } = await t.context.cluster.exec(node, ['tc', 'qdisc', ...words]);
  if (status !== 0) throw new Error(`tc on ${node}: ${stderr}`);
}

async function run(t: Test): Promise<{ report: Report; stderr: string }> {
  const file = join(t.context.scratch, `${t.title.replace(/\W+/g, '-')}.json`);
  const words = ['--complete', '--no-learn', '--report', file];
  const { status, stdout, stderr } = await startJob(t, 'late', 'cn[0-5]', 'sha256sum </opt/late', ...words)
    .ended;
  t.is(status, 0, stderr);
  for (const node of t.context.cluster.nodes)
    t.deepEqual(linesByNode(stdout).get(node), [`${DIGEST}  -`], node);
  const report = JSON.parse(await readFile(file, 'utf8')) as Report;
  t.deepEqual(report.lost, []);
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
  return { report, stderr };
}

maybe('a proxy node that passes on little is passed by, and stays in the job', async (t) => {
  t.timeout(180_000);
  const rate = ['rate', `${SLOW_MBIT}mbit`, 'burst', '64kb', 'latency', '100ms'];
  // Its slaves' own traffic crosses the bridge as fast as ever.
  await tc(t, 'cn3', 'add', 'dev', 'br0', 'root', 'tbf', ...rate);
  const { report, stderr } = await run(t);
  t.regex(stderr, /warning: cn3 passes on far less than others \(login > cn3\): cn[45] takes its place/);
  const { hystereticDelivered = Infinity } = report.timeline;
  t.log(`all delivered after ${hystereticDelivered} s`);
  t.true(hystereticDelivered < SECONDS_MAX, `${hystereticDelivered} s`);
  const [, uplink] = report.uplinks;
  // What the slow one had taken and not passed on comes in once more, and nothing a third time.
  t.true((uplink?.inBytes ?? Infinity) < 2.1 * LATE.length, `${uplink?.inBytes} bytes came into the group`);
});
