/** `tees bcast`: a file or a directory is in its place on every node, all of it or nothing. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as soon } from 'node:timers/promises';
import type { Report } from '../../../src/report/report.js';
import { brokenClusterTests, clusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { compareTrees } from '../../support/compare-trees.js';
import { RunningJob, eventually, tees } from '../../support/tees.js';
import type { Outcome } from '../../support/tees.js';

const NOBODY = 65534;
const BYTES = 8_000_000;
const OPTIONS = { groups: 2, groupSize: 3, uplink: '50mbit' } as const;
const NODES = 'cn[0-5]';
const test = clusterTests(OPTIONS, {});
const broken = brokenClusterTests(OPTIONS, {});

/** Each node gets a file system of its own, which only it sees; as this host sees it. */
async function places(t: Test, size = '64m'): Promise<Map<string, string>> {
  const { nodes } = await t.context.cluster.status();
  const found = new Map<string, string>();
  for (const { name, role, pid } of nodes) {
    if (role === 'login') continue;
    const words = ['cluster', 'exec', '--state', t.context.cluster.stateDirectory, name, '--'];
    const mount = ['mount', '-t', 'tmpfs', '-o', `size=${size}`, 'bcast', '/mnt'];
    if (spawnSync('mountpoint', ['-q', `/proc/${pid}/root/mnt`]).status !== 0)
      t.is((await tees([...words, ...mount])).status, 0);
    found.set(name, `/proc/${pid}/root/mnt`);
  }
  return found;
}

function words(t: Test, source: string, destination: string, ...options: string[]): string[] {
  const where = ['--cluster', t.context.cluster.stateDirectory, '--nodes', NODES, '--json'];
  return ['bcast', join(t.context.scratch, source), destination, ...where, ...options];
}

async function bcast(
  t: Test,
  source: string,
  destination: string,
  ...options: string[]
): Promise<Outcome & { report: Report | undefined }> {
  const done = await tees(words(t, source, destination, ...options));
  return { ...done, report: done.stdout ? (JSON.parse(done.stdout) as Report) : undefined };
}

/** Everything that a tree can hold. */
function makeTree(t: Test, name: string): string {
  const root = join(t.context.scratch, name);
  mkdirSync(join(root, 'sub/deep'), { recursive: true });
  writeFileSync(join(root, 'big'), randomBytes(3_000_000));
  for (let i = 0; i < 200; i++) writeFileSync(join(root, 'sub', String(i)), `file ${i % 150}`);
  writeFileSync(join(root, 'empty'), '');
  linkSync(join(root, 'big'), join(root, 'sub/deep/hard'));
  symlinkSync('../big', join(root, 'sub/soft'));
  writeFileSync(join(root, 'sparse'), 'x');
  truncateSync(join(root, 'sparse'), 5_000_000);
  chownSync(join(root, 'sub/1'), 1234, 2345);
  chmodSync(join(root, 'sub/2'), 0o4751);
  chmodSync(join(root, 'sub/deep'), 0o2770);
  utimesSync(join(root, 'sub/3'), 1_000_000_000, 1_000_000_000);
  return root;
}

test('a directory is the same everywhere, and nothing else is left there', async (t) => {
  t.timeout(120_000);
  const on = await places(t);
  const tree = makeTree(t, 'tree');
  for (const method of ['p2p', 'one-to-all']) {
    const { status, stderr, report } = await bcast(t, 'tree', `/mnt/${method}`, '--method', method);
    t.is(status, 0, stderr);
    t.deepEqual(report?.placement, { destination: `/mnt/${method}`, nodes: [...on.keys()] });
    for (const place of on.values()) t.deepEqual(compareTrees(tree, join(place, method)), []);
  }
  for (const place of on.values()) t.deepEqual(readdirSync(place).sort(), ['one-to-all', 'p2p']);
});

test('a file takes the place of another in one step: nobody ever sees a part of it', async (t) => {
  t.timeout(120_000);
  const on = await places(t);
  const [before, after] = [randomBytes(1000), randomBytes(BYTES)];
  for (const place of on.values()) writeFileSync(join(place, 'file'), before);
  writeFileSync(join(t.context.scratch, 'file'), after);
  const sizes = new Set<number>();
  let over = false;
  const watching = (async () => {
    for (; !over; await soon())
      for (const place of on.values()) sizes.add(statSync(join(place, 'file')).size);
  })();
  const { status, stderr } = await bcast(t, 'file', '/mnt/');
  over = true;
  await watching;
  t.is(status, 0, stderr);
  t.deepEqual(
    [...sizes].sort((a, b) => a - b),
    [before.length, after.length],
  );
  for (const place of on.values()) t.true(readFileSync(join(place, 'file')).equals(after));
});

test('a directory is not replaced unasked; with --force it is, in one step, and the old one is gone', async (t) => {
  t.timeout(120_000);
  const on = await places(t);
  const tree = makeTree(t, 'forced');
  for (const place of on.values()) mkdirSync(join(place, 'there/old'), { recursive: true });
  const refused = await bcast(t, 'forced', '/mnt/there');
  t.is(refused.status, 1);
  t.regex(refused.stderr, /DESTINATION_EXISTS[^]*at node cn\d, path \/mnt\/there[^]*--force/);
  t.deepEqual(refused.report?.placement?.nodes, []);
  for (const place of on.values()) t.deepEqual(readdirSync(join(place, 'there')), ['old']);
  const done = await bcast(t, 'forced', '/mnt/there', '--force');
  t.is(done.status, 0, done.stderr);
  for (const place of on.values()) {
    t.deepEqual(compareTrees(tree, join(place, 'there')), []);
    t.deepEqual(
      readdirSync(place).filter((name) => name.startsWith('.')),
      [],
    );
  }
});

test('only root may, and mistakes are told before anything is sent', async (t) => {
  t.timeout(120_000);
  await places(t);
  writeFileSync(join(t.context.scratch, 'small'), 'small');
  const cases: [source: string, destination: string, says: RegExp][] = [
    ['missing', '/mnt/x', /SOURCE_NOT_FOUND[^]*missing/],
    ['small', 'mnt/x', /DESTINATION_RELATIVE/],
    ['small', '/mnt/none/x', /DESTINATION_MISSING[^]*at node cn\d, path \/mnt\/none\/x/],
    ['small', '/mnt', /DESTINATION_EXISTS[^]*\/mnt\//],
    ['small', `/mnt/${'x'.repeat(256)}`, /longer than 255/],
  ];
  for (const [source, destination, says] of cases) {
    const { status, stderr } = await bcast(t, source, destination);
    t.true(status > 0);
    t.regex(stderr, says);
  }
  const socket = join(t.context.cluster.stateDirectory, 'nodes/login/run/tees.sock');
  const main = new URL('../../../src/cli/main.js', import.meta.url).pathname;
  const identity = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const command = [main, 'bcast', '/etc/hostname', '/mnt/x', '--socket', socket, '--nodes', NODES];
  const asNobody = spawnSync('setpriv', [...identity, process.execPath, ...command], {
    encoding: 'utf8',
    cwd: '/',
  });
  if (asNobody.status === null || /Cannot find module|EACCES/.test(asNobody.stderr))
    return t.log('skipped: another user cannot read this clone');
  t.is(asNobody.status, 1);
  t.regex(asNobody.stderr, /BCAST_FORBIDDEN/);
});

broken('where there is no room nothing appears anywhere, and the node is named', async (t) => {
  const on = await places(t, '6m');
  writeFileSync(join(t.context.scratch, 'large'), randomBytes(BYTES));
  const { status, stderr, report } = await bcast(t, 'large', '/mnt/large');
  t.is(status, 1);
  t.regex(stderr, /DESTINATION_FULL[^]*8\.00 MB[^]*at node cn\d, path \/mnt\/large/);
  t.deepEqual(report?.placement?.nodes, []);
  for (const place of on.values()) t.deepEqual(readdirSync(place), []);
});

broken('a command that is interrupted leaves nothing', async (t) => {
  const on = await places(t);
  writeFileSync(join(t.context.scratch, 'large'), randomBytes(4 * BYTES));
  const job = new RunningJob(words(t, 'large', '/mnt/large', '--progress'));
  await eventually(
    'something is written',
    () =>
      [...on.values()].every((place) => readdirSync(place).some((name) => name.startsWith('.tees-'))) ||
      undefined,
  );
  job.signal('SIGINT');
  t.is((await job.ended).status, 130);
  for (const place of on.values()) t.deepEqual(readdirSync(place), []);
});

broken(
  'a daemon that is killed in the middle costs nothing: the file is there, and nothing else',
  async (t) => {
    const on = await places(t);
    const bytes = randomBytes(3 * BYTES);
    writeFileSync(join(t.context.scratch, 'large'), bytes);
    const before = (await t.context.cluster.status()).nodes.find(({ name }) => name === 'cn4');
    const job = new RunningJob(words(t, 'large', '/mnt/large'));
    const place = on.get('cn4') as string;
    await eventually(
      'something is written',
      () => readdirSync(place).some((name) => name.startsWith('.tees-')) || undefined,
    );
    // Its mounts are its own, and stay when only the daemon is killed.
    process.kill(before?.pid as number, 'SIGKILL');
    const done = await job.ended;
    t.is(done.status, 0, done.stderr);
    const { nodes } = await t.context.cluster.status();
    for (const { name, role, pid } of nodes) {
      if (role === 'login') continue;
      const now = `/proc/${pid}/root/mnt`;
      if (!existsSync(join(now, 'large'))) t.fail(`${name}: ${readdirSync(now).join()}`);
      t.true(readFileSync(join(now, 'large')).equals(bytes), name);
      t.deepEqual(readdirSync(now), ['large']);
    }
  },
);
