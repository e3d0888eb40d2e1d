/** Standard input: to the first node's task only, whole, and never in anybody's way. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterTests, runWords, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { linesByNode, outcome, runJob, spawnTees } from '../../support/tees.js';
import type { Outcome } from '../../support/tees.js';
import { join } from 'node:path';

const maybe = clusterTests(
  { groups: 2, groupSize: 2, uplink: '50mbit' },
  { small: { 'opt/file': 'content\n' }, late: { 'opt/late': Buffer.alloc(15 << 20, 'late') } },
);

async function withInput(t: Test, nodes: string, input: Buffer, script: string): Promise<Outcome> {
  const child = spawnTees([...runWords(t, 'small', nodes), 'sh', '-c', script]);
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return outcome(child);
}

maybe('5 MB of any bytes come to the first node whole, and the others have an end of file', async (t) => {
  const input = randomBytes(5_000_000);
  const digest = createHash('sha256').update(input).digest('hex');
  // Behind its proxy node, which is not the first.
  const { status, stdout, stderr } = await withInput(t, 'cn3,cn[0-2]', input, 'sha256sum');
  t.is(status, 0, stderr);
  const nothing = createHash('sha256').digest('hex');
  const lines = linesByNode(stdout);
  t.deepEqual(lines.get('cn3'), [`${digest}  -`]);
  for (const node of ['cn0', 'cn1', 'cn2']) t.deepEqual(lines.get(node), [`${nothing}  -`], node);
});

maybe('what is typed comes back while the input is still open', async (t) => {
  const child = spawnTees([...runWords(t, 'small', 'cn1'), 'cat']);
  const ended = outcome(child);
  let seen = '';
  child.stdout?.on('data', (text: string) => (seen += text));
  child.stdin?.write('hello\n');
  while (!seen.includes('cn1: hello\n')) await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.stdin?.end('again\n');
  t.deepEqual(linesByNode((await ended).stdout).get('cn1'), ['hello', 'again']);
});

maybe('a task that takes no input while its reads wait does not hold up the stream', async (t) => {
  const where = join(t.context.scratch, 'late');
  const words = [
    'run',
    '--cluster',
    t.context.cluster.stateDirectory,
    '--nodes',
    'cn[0-3]',
    '--upper',
    where,
  ];
  const child = spawnTees([...words, '--', 'sh', '-c', 'wc -c </opt/late; head -c 3 | wc -c']);
  child.stdin?.on('error', () => {});
  child.stdin?.write(randomBytes(5_000_000));
  const { status, stdout, stderr } = await outcome(child);
  t.is(status, 0, stderr);
  for (const [node, lines] of linesByNode(stdout)) t.is(lines[0], String(15 << 20), node);
  t.is(linesByNode(stdout).get('cn0')?.[1], '3');
  child.stdin?.destroy();
});

maybe('a task that ends before its input ends the job, and the command', async (t) => {
  const child = spawnTees([...runWords(t, 'small', 'cn[0-1]'), 'head', '-c', '10']);
  child.stdin?.on('error', () => {});
  const endless = setInterval(() => child.stdin?.write(Buffer.alloc(64 * 1024, 'x')), 5);
  try {
    const { status, stdout, stderr } = await outcome(child);
    t.is(status, 0, stderr);
    t.is(stdout, 'cn0: xxxxxxxxxx\n');
  } finally {
    clearInterval(endless);
    child.stdin?.destroy();
  }
});

maybe('a task that has closed its input takes none, and whoever writes waits', async (t) => {
  const job = startJob(t, 'small', 'cn0', 'exec <&-; echo closed; sleep 2');
  await job.task('cn0');
  let written = 0;
  job.stdin.on('error', () => {});
  const endless = setInterval(
    () => job.stdin.write(Buffer.alloc(64 * 1024), (e) => (written += e ? 0 : 1)),
    2,
  );
  await sleep(1500);
  clearInterval(endless);
  const { status, stderr } = await job.ended;
  job.stdin.destroy();
  t.is(status, 0, stderr);
  t.true(written < 20, `${written} times 64 KiB were taken by nobody`);
});

maybe('/dev/null as input is an end of file', async (t) => {
  const { cluster, scratch } = t.context;
  const options = ['--nodes', 'cn[0-3]', '--upper', join(scratch, 'small')];
  const { status, stdout } = await runJob(cluster, options, ['wc', '-c']);
  t.is(status, 0);
  for (const node of cluster.nodes) t.deepEqual(linesByNode(stdout).get(node), ['0'], node);
  t.deepEqual(await remainsAfterAWhile(cluster), []);
});
