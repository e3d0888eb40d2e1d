/** A stream that moves nothing any more ends the job, and names who did not get the layer. */
import { randomFillSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startCluster } from '../../../src/emulator/cluster.js';
import { RunningJob, withoutCluster } from '../../support/tees.js';

const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';
const DAEMON = new URL('../../support/daemon-with-short-stall.js', import.meta.url).pathname;

maybe(`a frozen node's stall ends the job and names the node${because}`, async (t) => {
  const scratch = await mkdtemp(join(tmpdir(), 'tees-stall-'));
  mkdirSync(join(scratch, 'upper/opt'), { recursive: true });
  writeFileSync(join(scratch, 'upper/opt/large'), randomFillSync(Buffer.alloc(20 << 20)));
  const daemonCommand = [process.execPath, DAEMON];
  const cluster = await startCluster({ groups: 1, groupSize: 2, uplink: '40mbit', daemonCommand });
  try {
    const options = ['--nodes', 'cn[0-1]', '--upper', join(scratch, 'upper')];
    const job = new RunningJob([
      'run',
      '--cluster',
      cluster.stateDirectory,
      ...options,
      '--',
      'sleep',
      '600',
    ]);
    await job.task('cn1');
    // The wrapper's child is the daemon; freezing the link is what counts: nothing of cn1's namespace answers.
    const frozen = await cluster.exec('cn1', ['ip', 'link', 'set', 'eth0', 'down']);
    t.is(frozen.status, 0, frozen.stderr);
    const { status, stderr } = await job.ended;
    t.is(status, 1);
    t.regex(stderr, /STREAM_STALLED: nothing has moved for [2-9] s\n +at node cn(1|\[0-1\])/);
  } finally {
    await cluster.down();
    await rm(scratch, { recursive: true, force: true });
  }
});
