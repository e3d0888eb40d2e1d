/** Output: all of it, of every node, as it was written, however slowly it is taken. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterTests, runWords } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { spawnTees, tees } from '../../support/tees.js';

const maybe = clusterTests(
  { groups: 2, groupSize: 2, uplink: 'unlimited' },
  { small: { 'opt/file': 'content\n' } },
);

/** Writes random bytes, and their digest to standard error first. */
const RANDOM = (bytes: number): string =>
  `head -c ${bytes} /dev/urandom >/opt/out; echo >>/opt/out; sha256sum </opt/out >&2; cat /opt/out`;

interface Streams {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly status: number | null;
}

function collect(child: ChildProcess): Promise<Streams> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr?.on('data', (bytes: Buffer) => err.push(bytes));
  return new Promise((resolve) => {
    child.once('close', (status) => {
      resolve({ status, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** The command without input, which does not outlive the test. */
function start(t: Test, nodes: string, ...command: string[]): ChildProcess {
  const child = spawnTees([...runWords(t, 'small', nodes, '--quiet'), ...command]);
  t.teardown(() => child.kill('SIGKILL'));
  child.stdin?.end();
  return child;
}

/** What each node has written, put together from its lines: SHA-256 and length. */
function digests(stdout: Buffer): Map<string, { sha256: string; bytes: number }> {
  const hashes = new Map<string, { hash: ReturnType<typeof createHash>; bytes: number }>();
  for (let start = 0; start < stdout.length;) {
    const colon = stdout.indexOf(': ', start);
    const end = stdout.indexOf(10, colon) + 1;
    const node = stdout.toString('latin1', start, colon);
    const of = hashes.get(node) ?? { hash: createHash('sha256'), bytes: 0 };
    of.hash.update(stdout.subarray(colon + 2, end));
    of.bytes += end - colon - 2;
    hashes.set(node, of);
    start = end;
  }
  return new Map([...hashes].map(([node, { hash, bytes }]) => [node, { sha256: hash.digest('hex'), bytes }]));
}

function checkDigests(t: Test, { stdout, stderr }: Streams, bytes: number): void {
  const got = digests(stdout);
  t.deepEqual([...got.keys()].sort(), [...t.context.cluster.nodes].sort());
  for (const [node, { sha256, bytes: length }] of got) {
    t.is(length, bytes, node);
    t.true(stderr.includes(`${node}: ${sha256}  -`), `${node}: ${sha256}\n${stderr.slice(0, 2000)}`);
  }
}

maybe('50 MB of any bytes from four nodes are intact', async (t) => {
  const bytes = 12_500_000;
  const streams = await collect(start(t, 'cn[0-3]', 'sh', '-c', RANDOM(bytes)));
  t.is(streams.status, 0, streams.stderr);
  checkDigests(t, streams, bytes + 1);
});

maybe('standard error is apart from standard output', async (t) => {
  const script = 'for i in 1 2 3; do echo out $i; echo err $i >&2; done';
  const { stdout, stderr } = await tees([...runWords(t, 'small', 'cn[2-3]', '--quiet'), 'sh', '-c', script]);
  for (const node of ['cn2', 'cn3']) {
    const of = (text: string): string[] => text.split('\n').filter((line) => line.startsWith(`${node}: `));
    t.deepEqual(of(stdout), [`${node}: out 1`, `${node}: out 2`, `${node}: out 3`]);
    t.deepEqual(of(stderr), [`${node}: err 1`, `${node}: err 2`, `${node}: err 3`]);
  }
});

maybe('very long lines are cut, and no byte of them is lost', async (t) => {
  const length = 3_000_000;
  const script = `head -c ${length} /dev/zero | tr '\\0' x; echo; echo end`;
  const { stdout } = await tees([...runWords(t, 'small', 'cn[0-1]', '--quiet'), 'sh', '-c', script]);
  for (const node of ['cn0', 'cn1']) {
    const lines = stdout.split('\n').filter((line) => line.startsWith(`${node}: `));
    const texts = lines.map((line) => line.slice(node.length + 2));
    t.is(texts.slice(0, -1).join(''), 'x'.repeat(length));
    t.is(texts.at(-1), 'end');
    t.true(texts.every((text) => text.length <= 64 * 1024));
  }
});

maybe('output without a newline at its end, and of a task that ends at once, arrives', async (t) => {
  const { stdout } = await tees([...runWords(t, 'small', 'cn[0-3]', '--quiet'), 'printf', 'no newline']);
  t.deepEqual(
    stdout.trimEnd().split('\n').sort(),
    ['cn0', 'cn1', 'cn2', 'cn3'].map((n) => `${n}: no newline`),
  );
});

maybe('a reader that has seen enough ends the job', async (t) => {
  const child = start(t, 'cn[0-3]', 'yes');
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.stderr?.resume();
  const head = spawn('head', ['-n', '5'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdout?.pipe(head.stdin).on('error', () => {});
  const lines = await collect(head);
  t.is(lines.stdout.toString().split('\n').length, 6);
  child.stdout?.destroy();
  await exited;
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
});

maybe('a command that is stopped holds up its own job only, and nothing grows meanwhile', async (t) => {
  const { cluster } = t.context;
  const bytes = 15_000_000;
  const child = start(t, 'cn[0-3]', 'sh', '-c', `${RANDOM(bytes)}; echo >&2 done`);
  const streams = collect(child);
  await new Promise((resolve) => child.stderr?.once('data', resolve));
  child.kill('SIGSTOP');
  await sleep(500);
  const before = await memoryOfDaemons(t);
  // Other jobs go by the same links, all the way.
  for (let i = 0; i < 3; i++) {
    const other = await tees([...runWords(t, 'small', 'cn[0-3]', '--quiet'), 'cat', '/opt/file']);
    t.is(other.status, 0, other.stderr);
    t.is(other.stdout.match(/content/g)?.length, 4);
    await sleep(700);
  }
  const after = await memoryOfDaemons(t);
  for (const [node, kib] of after)
    t.true(
      kib - (before.get(node) ?? 0) < 12 * 1024,
      `${node} has grown by ${kib - (before.get(node) ?? 0)} KiB`,
    );
  child.kill('SIGCONT');
  const done = await streams;
  t.is(done.status, 0, done.stderr);
  checkDigests(t, done, bytes + 1);
  t.is(done.stderr.match(/done/g)?.length, 4);
  t.deepEqual(await remainsAfterAWhile(cluster), []);
});

maybe('a command that was stopped and is killed leaves nothing', async (t) => {
  const child = start(t, 'cn[0-3]', 'yes');
  const streams = collect(child);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.kill('SIGSTOP');
  await sleep(1000);
  child.kill('SIGKILL');
  await streams;
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
});

/** VmRSS in KiB by node, the login node's among them. */
async function memoryOfDaemons(t: Test): Promise<Map<string, number>> {
  const { nodes } = await t.context.cluster.status();
  return new Map(
    nodes.map(({ name, pid }) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return [name, Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])];
    }),
  );
}
