/**
 * A layer that its owner changes while it is being sent: the job sees what was submitted, or ends with an error that
 * names the file. It never sees a mixture.
 */
import { createHash } from 'node:crypto';
import { renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterTests, startJob, writeLayer } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import type { Outcome, RunningJob } from '../../support/tees.js';
import { waitingJob } from '../../support/waiting-jobs.js';

/** More than is under way at a time: the source reads the rest of it later. */
const SIZE = 5 << 20;
const FIRST = Buffer.alloc(1000, 'first');
const LATE = Buffer.alloc(SIZE, 'late');
const DIGEST_LINE = `${createHash('sha256').update(LATE).digest('hex')}  /opt/late`;

// Five seconds for the layer.
const maybe = clusterTests({ groups: 1, groupSize: 2, uplink: '8mbit' }, {});

/** The large file is read, and on its way. */
async function streamingJob(t: Test, layer: string, script: string): Promise<RunningJob> {
  const files = { 'opt/first': FIRST, 'opt/late': LATE };
  writeLayer(join(t.context.scratch, layer), files);
  const job = startJob(t, layer, 'cn[0-1]', `wc -c </opt/first; ${script}`, '--no-learn');
  await waitingJob(t, 2);
  return job;
}

function endsWithItsName(t: Test, { status, stdout, stderr }: Outcome): void {
  t.is(status, 1, stderr);
  t.regex(stderr, /tees: LAYER_CHANGED: .*\n  at path opt\/late\n  .*submit again/);
  t.notRegex(stdout, /[0-9a-f]{64}/);
}

function sawWhatWasSubmitted(t: Test, { status, stdout, stderr }: Outcome): void {
  t.is(status, 0, stderr);
  t.is(stdout.match(/: 1000$/gm)?.length, 2, stdout);
  t.is(stdout.split(DIGEST_LINE).length - 1, 2, stdout);
}

for (const [change, apply] of [
  ['overwritten', (file: string) => writeFileSync(file, Buffer.alloc(SIZE, 'other'))],
  ['made shorter', (file: string) => truncateSync(file, SIZE - 1)],
] as const)
  maybe(`a file that is ${change} before all of it is sent ends the job, which names it`, async (t) => {
    const layer = change.replace(/ /g, '-');
    const job = await streamingJob(t, layer, 'sha256sum /opt/late');
    apply(join(t.context.scratch, layer, 'opt/late'));
    endsWithItsName(t, await job.ended);
    t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
  });

maybe(
  'another file in the place of one is sent by nobody: the old one is, or its name is told',
  async (t) => {
    const job = await streamingJob(t, 'replaced', 'sha256sum /opt/late');
    const file = join(t.context.scratch, 'replaced/opt/late');
    writeFileSync(`${file}.new`, Buffer.alloc(SIZE, 'other'));
    renameSync(`${file}.new`, file);
    const outcome = await job.ended;
    if (outcome.status === 0) sawWhatWasSubmitted(t, outcome);
    else endsWithItsName(t, outcome);
  },
);

maybe('what is added or renamed after submission does not matter', async (t) => {
  const job = await streamingJob(t, 'moved', 'sha256sum /opt/late; ls /opt');
  const { scratch } = t.context;
  writeFileSync(join(scratch, 'moved/opt/added'), 'added');
  // The same bytes by another inode, and the whole layer by another name.
  writeFileSync(join(scratch, 'moved/opt/late.new'), LATE);
  renameSync(join(scratch, 'moved/opt/late.new'), join(scratch, 'moved/opt/late'));
  renameSync(join(scratch, 'moved'), join(scratch, 'elsewhere'));
  const outcome = await job.ended;
  sawWhatWasSubmitted(t, outcome);
  t.notRegex(outcome.stdout, /added/);
});
