/** A read that waits brings its file forward, from whichever node and from however far back in the stream. */
import { randomFillSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import type { Report } from '../../../src/report/report.js';
import { runJob, withoutCluster } from '../../support/tees.js';

const test = anyTest as TestFn<{ cluster: EmbeddedCluster; upper: string }>;
const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';

/** Eight seconds' worth of the uplink. */
const FILES = 60;
const FILE_BYTES = 1 << 20;
const UPLINK = '60mbit';

test.before(async (t) => {
  if (withoutCluster) return;
  t.context.upper = await mkdtemp(join(tmpdir(), 'tees-demand-'));
  mkdirSync(join(t.context.upper, 'opt/stream'), { recursive: true });
  for (let index = 0; index < FILES; index++)
    writeFileSync(join(t.context.upper, fileName(index)), randomFillSync(Buffer.alloc(FILE_BYTES)));
  t.context.cluster = await startCluster({ groups: 1, groupSize: 4, uplink: UPLINK });
});

test.after.always(async (t) => {
  await t.context.cluster?.down();
  if (t.context.upper) await rm(t.context.upper, { recursive: true, force: true });
});

/** Files of one size travel in the order of their names. */
function fileName(index: number): string {
  return `opt/stream/${String(index).padStart(3, '0')}`;
}

/** Each node's shell runs the script; the job goes on until everything has arrived. */
async function run(
  { cluster, upper }: { cluster: EmbeddedCluster; upper: string },
  script: string,
  options: readonly string[] = [],
): Promise<Report> {
  const all = ['--nodes', 'cn[0-3]', '--upper', upper, '--complete', '--no-learn', ...options];
  const { status, stderr, report } = await runJob(cluster, all, ['sh', '-c', script]);
  if (status !== 0) throw new Error(stderr);
  return report;
}

/** How long the slowest node waited for a file, as a part of the time from launch to the end of the stream. */
function waited({ blocked, timeline }: Report, file: string): number {
  const longest = Math.max(...blocked.filter(({ path }) => path === file).map(({ seconds }) => seconds));
  return longest / ((timeline.hystereticDelivered ?? NaN) - (timeline.launched ?? NaN));
}

maybe(`the last file of a long stream comes early when it is waited for${because}`, async (t) => {
  t.timeout(120_000);
  const last = `/${fileName(FILES - 1)}`;
  const script = `cat < ${last} > /dev/null`;
  const inItsTurn = waited(await run(t.context, script, ['--no-demand']), last);
  t.true(inItsTurn > 0.7, `without demand it came after ${inItsTurn} of the stream`);
  const forward = waited(await run(t.context, script), last);
  t.true(forward < 0.4, `it came after ${forward} of the stream`);
});

maybe(
  `nodes that wait for different files all get theirs early, and everybody everything${because}`,
  async (t) => {
    t.timeout(120_000);
    const report = await run(t.context, `cat < /opt/stream/05\${TEES_NODE#cn} > /dev/null`);
    t.is(report.blocked.length, 4);
    for (const { path } of report.blocked) {
      const part = waited(report, path);
      t.true(part < 0.5, `${path} came after ${part} of the stream`);
    }
    const once = (FILES * FILE_BYTES + report.bytes.manifest) * 1.05;
    for (const { proxy, inBytes } of report.uplinks) t.true(inBytes < once, `${proxy}: ${inBytes} bytes`);
  },
);
