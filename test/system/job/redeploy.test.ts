/** A layer that has been deployed before: only what is new in it is sent. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { NodeStatus } from '../../../src/emulator/status.js';
import { clusterTests, writeLayer } from '../../support/cluster-tests.js';
import type { LayerFiles, Test } from '../../support/cluster-tests.js';
import { eventually, linesByNode, runJob } from '../../support/tees.js';

const NOBODY = 65534;
const NODES = 'cn[0-5]';
const BYTES = 8_000_000;
const CHUNK = 256 * 1024;
/** The description of the job itself, and what is said about it. */
const TALK_BYTES = 60_000;
const DIGEST = 'cat /opt/again/*/* | sha256sum';

const test = clusterTests({ groups: 2, groupSize: 3, uplink: '100mbit', storeCache: '256MiB' }, {});

function layerFiles(): LayerFiles {
  const small = Array.from({ length: 300 }, (_, i) => [`opt/again/small/${i}`, randomBytes(2000)] as const);
  return { ...Object.fromEntries(small), 'opt/again/large/data': randomBytes(BYTES) };
}

function makeLayer(t: Test, name: string, files = layerFiles()): string {
  const upper = join(t.context.scratch, name);
  writeLayer(upper, files);
  chmodSync(t.context.scratch, 0o755);
  return upper;
}

async function deploy(
  t: Test,
  upper: string,
  ...options: string[]
): Promise<{ sent: number; reused: number }> {
  const words = ['--nodes', NODES, '--upper', upper, '--complete', '--no-learn', ...options];
  const { status, stdout, stderr, report } = await runJob(t.context.cluster, words, ['sh', '-c', DIGEST]);
  t.is(status, 0, stderr);
  const expected = String(spawnSync('sh', ['-c', `cd ${upper}; ${DIGEST.replace('/opt', 'opt')}`]).stdout);
  const lines = [...linesByNode(stdout).values()];
  t.is(lines.length, 6);
  for (const [line] of lines) t.is(`${line}\n`, expected);
  return report.bytes;
}

for (const hook of ['fuse', 'preload'])
  test(`what has not changed is not sent again, with the hook ${hook}`, async (t) => {
    t.timeout(120_000);
    const upper = makeLayer(t, `again-${hook}`);
    const first = await deploy(t, upper, '--hook', hook);
    t.true(first.sent > 2 * BYTES, 'to each proxy');
    t.is(first.reused, 0);
    const second = await deploy(t, upper, '--hook', hook);
    t.true(second.sent < TALK_BYTES, `${second.sent}`);
    t.true(second.reused > 6 * BYTES);
    // A small file more, one less, one changed, and a part of the large one.
    writeFileSync(join(upper, 'opt/again/small/new'), randomBytes(3000));
    rmSync(join(upper, 'opt/again/small/7'));
    writeFileSync(join(upper, 'opt/again/small/8'), randomBytes(1000));
    const large = readFileSync(join(upper, 'opt/again/large/data'));
    writeFileSync(
      join(upper, 'opt/again/large/data'),
      Buffer.concat([large.fill(7, 3_000_000, 3_000_010), large.subarray(0, 10)]),
    );
    const third = await deploy(t, upper, '--hook', hook);
    // Twice: to each proxy.
    t.true(third.sent < 2 * (3000 + 1000 + 2 * CHUNK) + 2 * TALK_BYTES, `${third.sent}`);
  });

test('another user who has the same is not sent it either, and who may not read it does not get it', async (t) => {
  t.timeout(120_000);
  const files = layerFiles();
  await deploy(t, makeLayer(t, 'of-root', files));
  const upper = makeLayer(t, 'of-nobody', files);
  spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, upper]);
  const socket = join(t.context.cluster.stateDirectory, 'nodes/login/run/tees.sock');
  const main = new URL('../../../src/cli/main.js', import.meta.url).pathname;
  const asNobody = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(
      'setpriv',
      [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', process.execPath, main, ...words],
      { encoding: 'utf8', cwd: '/' },
    );
  if (asNobody('--help').status !== 0) {
    t.log('skipped: another user cannot read this clone');
    t.pass();
    return;
  }
  const run = (): ReturnType<typeof asNobody> =>
    asNobody('run', '--socket', socket, '--upper', upper, '--nodes', NODES, '--', 'sh', '-c', DIGEST);
  const done = run();
  t.is(done.status, 0, done.stderr);
  t.regex(done.stderr, /^sent +[\d.]+ k?B by the login node$/m);
  t.regex(done.stderr, /^reused +8\.\d+ MB a node/m);

  // The nodes have this content; who may read which file of it, the manifest says.
  const secret = join(upper, 'opt/again/small/3');
  chownSync(secret, 0, 0);
  chmodSync(secret, 0o600);
  const denied = run();
  t.regex(denied.stderr, /^cn5: cat: \/opt\/again\/small\/3: Permission denied$/m);
  t.notDeepEqual(linesByNode(denied.stdout), linesByNode(done.stdout));
});

test('what is kept outlives the daemon', async (t) => {
  t.timeout(120_000);
  const { cluster } = t.context;
  const upper = makeLayer(t, 'outlives');
  await deploy(t, upper);
  const daemon = async (): Promise<NodeStatus | undefined> =>
    (await cluster.status()).nodes.find(({ name }) => name === 'cn4');
  const before = await daemon();
  process.kill(before?.pid as number, 'SIGKILL');
  await eventually('another daemon', async () => {
    const now = await daemon();
    return now?.state === before?.state && now?.pid !== before?.pid && now?.pid !== undefined
      ? true
      : undefined;
  });
  t.true((await deploy(t, upper)).sent < TALK_BYTES);
});
