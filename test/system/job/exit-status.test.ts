/** How tasks end, and what the command makes of it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterTests, runWords, startJob } from '../../support/cluster-tests.js';
import { linesByNode, runJob, tees } from '../../support/tees.js';

const maybe = clusterTests(
  { groups: 2, groupSize: 2, uplink: 'unlimited' },
  { small: { 'opt/file': 'content\n' } },
);

maybe('the highest status of all nodes is that of the command, and the report has each', async (t) => {
  const { cluster, scratch } = t.context;
  const script = 'case $TEES_NODE in cn0) exit 3;; cn1) exit 0;; cn2) exit 9;; *) exit 4;; esac';
  const options = ['--nodes', 'cn[0-3]', '--upper', join(scratch, 'small')];
  const { status, report } = await runJob(cluster, options, ['sh', '-c', script]);
  t.is(status, 9);
  t.deepEqual(report.exit, { cn0: 3, cn1: 0, cn2: 9, cn3: 4 });
  t.deepEqual(report.errors, []);
});

const ENDINGS: readonly (readonly [what: string, script: string, status: number])[] = [
  ['a status of 255', 'exit 255', 255],
  ['SIGSEGV', 'kill -SEGV $$', 139],
  ['SIGKILL from inside', 'kill -KILL $$', 137],
  ['SIGTERM from inside', 'kill -TERM $$', 143],
  ['a command that its shell does not find', 'no-such-command', 127],
  ['a command that its shell may not execute', '/opt/file', 126],
  ['a task whose children outlive it', 'sleep 600 & exit 6', 6],
  ['a task that has closed all its streams', 'exec <&- >&- 2>&-; sleep 0.2; exit 8', 8],
];
for (const [what, script, expected] of ENDINGS) {
  maybe(`${what}: ${expected}`, async (t) => {
    const { status, stderr } = await tees([...runWords(t, 'small', 'cn[2-3]'), 'sh', '-c', script]);
    t.is(status, expected, stderr);
  });
}

maybe('SIGUSR1 and SIGUSR2 reach the tasks of all nodes', async (t) => {
  const script =
    'trap "echo one" USR1; trap "echo two; exit 5" USR2; echo ready; while :; do sleep 0.1; done';
  const job = startJob(t, 'small', 'cn[0-3]', script);
  for (const node of t.context.cluster.nodes) await job.task(node);
  await sleep(500);
  job.signal('SIGUSR1');
  await sleep(500);
  job.signal('SIGUSR2');
  const { status, stdout, stderr } = await job.ended;
  t.is(status, 5, stderr);
  for (const node of t.context.cluster.nodes)
    t.deepEqual(linesByNode(stdout).get(node), ['ready', 'one', 'two'], node);
});

maybe('a task that is stopped and goes on again loses nothing', async (t) => {
  const job = startJob(t, 'small', 'cn0', 'echo before; kill -STOP $$; echo after; exit 2');
  const pid = await job.task('cn0');
  await sleep(500);
  process.kill(pid, 'SIGCONT');
  const { status, stdout } = await job.ended;
  t.is(status, 2);
  t.deepEqual(linesByNode(stdout).get('cn0'), ['before', 'after']);
});
