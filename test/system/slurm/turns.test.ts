/** What Slurm itself does with a job, and what becomes of Slurm's own daemons meanwhile: environments follow. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StateDirectory } from '../../../src/emulator/state-directory.js';
import { clusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { personOf } from '../../support/environments.js';
import { ask, insideAs, whatIsLeft } from '../../support/slurm.js';
import { eventually } from '../../support/tees.js';

const maybe = clusterTests({ groups: 2, groupSize: 2, environments: true, slurm: true }, {});
/** An account that no other test uses at the same time. */
const USER = personOf('irc');
const FOUR = 'mine\n'.repeat(4);

const inside = insideAs(USER);

/** @returns where its output goes, and its name */
async function submit(t: Test, options: string, script: string): Promise<{ job: string; output: string }> {
  const output = join(tmpdir(), `tees-turn-${process.pid}-${Math.random()}`);
  t.teardown(() => rmSync(output, { force: true }));
  const job = await inside(t, `sbatch --parsable ${options} --output=${output} --wrap '${script}'`);
  return { job, output };
}

/** Slurm makes the file when the job begins. */
function said(output: string): string {
  return existsSync(output) ? readFileSync(output, 'utf8') : '';
}

function pidOf(t: Test, daemon: string): string {
  const { slurm } = new StateDirectory(t.context.cluster.stateDirectory);
  return readFileSync(join(slurm, `${daemon}.pid`), 'utf8').trim();
}

maybe('a job that is queued again has its environment again', async (t) => {
  await inside(t, 'echo mine >/opt/mark');
  const { cluster } = t.context;
  const { job, output } = await submit(
    t,
    '--requeue -N2 --open-mode=append',
    'srun cat /opt/mark; [ "$SLURM_RESTART_COUNT" = 1 ] || srun sleep 60; echo over',
  );
  await eventually('the first turn', () => said(output) === 'mine\n'.repeat(2));
  await ask(cluster, 'scontrol', 'requeue', job);
  const state = async (): Promise<string> => ask(cluster, 'squeue', '--noheader', '--format=%T');
  await eventually('its place in the queue', async () => (await state()) === 'PENDING');
  // Slurm lets two minutes pass by itself. In the second of its end the job would be taken for what was killed in it.
  await sleep(1100);
  await ask(cluster, 'scontrol', 'update', `jobid=${job}`, 'StartTime=now');
  await eventually('the second turn', () => said(output).includes('over'));
  t.deepEqual(await whatIsLeft(cluster), []);
  const lines = said(output).split('\n');
  t.is(lines.filter((line) => line === 'mine').length, 4, said(output));
});

maybe('a job of several parts has it in each of them', async (t) => {
  await inside(t, 'echo mine >/opt/mark');
  const steps = 'srun --het-group=0,1 cat /opt/mark; srun --het-group=1 cat /opt/mark';
  t.is(await inside(t, `salloc -N1 : -N2 sh -c "${steps}"`), 'mine\n'.repeat(5).trim());
  t.deepEqual(await whatIsLeft(t.context.cluster), []);
});

maybe('a slurmd may be killed and started again meanwhile', async (t) => {
  await inside(t, 'echo mine >/opt/mark');
  const { cluster } = t.context;
  const go = join(tmpdir(), `tees-go-${process.pid}`);
  t.teardown(() => rmSync(go, { force: true }));
  const wait = `until [ -e ${go} ]; do sleep 0.1; done`;
  const { output } = await submit(t, '-N4', `srun sh -c "cat /opt/mark; ${wait}; cat /opt/mark"`);
  await eventually('the step', () => said(output) === FOUR);
  await ask(cluster, 'kill', '-KILL', pidOf(t, 'slurmd.cn1'));
  const started = await cluster.exec('cn1', ['slurmd']);
  t.is(started.status, 0, started.stderr);
  await inside(t, `touch ${go}`);
  t.deepEqual(await whatIsLeft(cluster), []);
  t.is(said(output), FOUR + FOUR);
  t.is(await inside(t, 'srun -N4 cat /opt/mark'), FOUR.trim());
});

maybe('a munged may be killed and started again meanwhile: nothing ends before Slurm answers', async (t) => {
  await inside(t, 'echo mine >/opt/mark');
  const { cluster } = t.context;
  const pid = pidOf(t, 'munged');
  const words = (await ask(cluster, 'cat', `/proc/${pid}/cmdline`)).split('\0').filter((word) => word);
  const { output } = await submit(t, '-N4', 'srun sh -c "cat /opt/mark; sleep 10; cat /opt/mark"');
  await eventually('the step', () => said(output) === FOUR);
  await ask(cluster, 'kill', '-KILL', pid);
  t.regex(await ask(cluster, 'timeout', '5', 'sinfo'), /authentication error|^$/);
  const again = words.filter((word) => word !== '--foreground');
  const { status, stderr } = await cluster.exec('login', again);
  t.is(status, 0, stderr);
  t.deepEqual(await whatIsLeft(cluster), []);
  t.is(said(output), FOUR + FOUR);
});

maybe('a job whose time is over ends wholly, whatever its tasks make of it', async (t) => {
  await inside(t, 'echo mine >/opt/mark');
  const { cluster } = t.context;
  const deaf = 'trap : TERM; while :; do sleep 1; done';
  const { output } = await submit(t, '--time=1 -N4', `srun sh -c "cat /opt/mark; ${deaf}"`);
  await eventually('the step', () => said(output).startsWith(FOUR));
  t.deepEqual(await whatIsLeft(cluster), []);
  t.regex(said(output), /DUE TO TIME LIMIT/);
});
