/** A job is delivered along a tree of whatever shape, and told how long that should take, and took. */
import { createHash, randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '../../../src/report/report.js';
import { clusterTests, runWords } from '../../support/cluster-tests.js';
import { linesByNode, tees } from '../../support/tees.js';

const NODES = ['cn0', 'cn1', 'cn2', 'cn3', 'cn4', 'cn5'];
const DATA = randomFillSync(Buffer.alloc(3 << 20));
const DIGEST = createHash('sha256').update(DATA).digest('hex');
const maybe = clusterTests(
  { groups: 2, groupSize: 3, uplink: '40mbit' },
  { layer: { 'opt/data': DATA, 'opt/last': 'the end' } },
);

for (const [asked, shape] of [
  ['auto', 'paper'],
  ['paper', 'paper'],
  ['2-2-1', '2-2-1'],
  ['1-1-1+any', '1-1-1+any'],
] as const) {
  maybe(`shape ${asked} brings everything everywhere, and the report has the plan`, async (t) => {
    const file = join(t.context.scratch, `${asked}.json`);
    const words = runWords(t, 'layer', 'cn[0-5]', '--shape', asked, '--complete', '--report', file);
    const { status, stdout, stderr } = await tees([...words, 'sh', '-c', 'sha256sum < /opt/data']);
    t.is(status, 0, stderr);
    const lines = linesByNode(stdout);
    for (const node of NODES) t.deepEqual(lines.get(node), [`${DIGEST}  -`], node);
    const { plan, timeline } = JSON.parse(readFileSync(file, 'utf8')) as Report;
    t.is(plan.shape, shape);
    t.true((plan.predicted ?? NaN) >= plan.bound);
    // 3 MiB behind 40 Mbit/s.
    t.true(plan.bound >= 0.629 && plan.bound < 0.7);
    const { planned = NaN, hystereticDelivered = NaN } = timeline;
    t.true(Math.abs((plan.achieved ?? NaN) - (hystereticDelivered - planned)) < 1e-3);
    t.regex(
      stderr,
      new RegExp(`^plan +shape ${shape.replace('+', '\\+')}: predicted .*, achieved .*, bound`, 'm'),
    );
  });
}

maybe('another method has its own plan', async (t) => {
  const file = join(t.context.scratch, 'one-to-all.json');
  const words = runWords(t, 'layer', 'cn[0-5]', '--method', 'one-to-all', '--report', file);
  const { status, stderr } = await tees([...words, 'true']);
  t.is(status, 0, stderr);
  const { plan } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  t.is(plan.shape, 'one-to-all');
  // Each uplink carries three copies.
  t.true((plan.predicted ?? NaN) > 2.9 * plan.bound);
});
