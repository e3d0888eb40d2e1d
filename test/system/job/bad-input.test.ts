/**
 * Bad input and bad luck, as a table: each gives its error, naming what is wrong and saying what to do, ends with
 * status 2 for usage and 1 for failure, and leaves nothing behind on any node.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest from 'ava';
import type { ExecutionContext, TestFn } from 'ava';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import { eventually, tees, withoutCluster } from '../../support/tees.js';
import { CASES } from './bad-input-cases.js';

interface Context {
  cluster: EmbeddedCluster;
  scratch: string;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';
const WRONG_KEY_DAEMON = new URL('../../support/daemon-with-wrong-key.js', import.meta.url).pathname;

test.before(async (t) => {
  if (withoutCluster) return;
  const scratch = await mkdtemp(join(tmpdir(), 'tees-bad-'));
  t.context.scratch = scratch;
  // Another user must get as far as the layer, to be refused it.
  chmodSync(scratch, 0o755);
  mkdirSync(join(scratch, 'good/opt'), { recursive: true });
  writeFileSync(join(scratch, 'good/opt/file'), 'content\n');
  mkdirSync(join(scratch, 'large'));
  for (let i = 0; i < 5; i++) writeFileSync(join(scratch, `large/file${i}`), Buffer.alloc(20 << 20, i + 1));
  mkdirSync(join(scratch, 'device/dev'), { recursive: true });
  spawnSync('mknod', [join(scratch, 'device/dev/disk'), 'b', '7', '0']);
  mkdirSync(join(scratch, 'reserved/.tees'), { recursive: true });
  writeFileSync(join(scratch, 'a-file'), '');
  writeFileSync(join(scratch, 'malformed.yaml'), 'cluster: x\ngroups: [unclosed\n');
  writeFileSync(join(scratch, 'unknown-key.yaml'), 'cluster: x\nlogin: { name: l }\ngruops: []\n');
  t.context.cluster = await startCluster({
    groups: 1,
    groupSize: 3,
    storeSize: '64MiB',
    uplink: 'unlimited',
  });
});

test.after.always(async (t) => {
  await t.context.cluster?.down();
  if (t.context.scratch) await rm(t.context.scratch, { recursive: true, force: true });
});

for (const one of CASES) {
  maybe(`${one.name}: ${one.code}, status ${one.status}${because}`, async (t) => {
    const { cluster, scratch } = t.context;
    const options = one.options.map((word) => word.replace('SCRATCH', scratch));
    const command = one.command ?? ['true'];
    const where = options.includes('--config') ? [] : ['--cluster', cluster.stateDirectory];
    const { status, stderr } = await tees(['run', ...where, ...options, '--', ...command]);
    t.is(status, one.status, stderr);
    t.true(stderr.includes(`tees: ${one.code}: `), stderr);
    t.regex(stderr, one.names);
    await nothingIsLeft(t, cluster);
  });
}

maybe(`a user who is not the layer's owner may not deploy it, nor be another user${because}`, (t) => {
  const { cluster, scratch } = t.context;
  const main = new URL('../../../src/cli/main.js', import.meta.url).pathname;
  const asNobody = (...words: string[]): { status: number | null; stderr: string } =>
    spawnSync(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, main, ...words],
      {
        encoding: 'utf8',
        cwd: '/',
      },
    );
  if (asNobody('--help').status !== 0) {
    t.log('skipped: another user cannot read this clone');
    return t.pass();
  }
  const socket = ['--socket', join(cluster.stateDirectory, 'nodes/login/run/tees.sock')];
  const run = ['run', ...socket, '--nodes', 'cn0', '--upper', join(scratch, 'good')];
  const other = asNobody(...run, '--', 'true');
  t.is(other.status, 1);
  t.regex(other.stderr, /LAYER_FORBIDDEN/);
  t.regex(asNobody(...run, '--user', 'root', '--', 'true').stderr, /USER_FORBIDDEN/);
});

maybe(`hostile bytes at a node's port change nothing for the next job${because}`, async (t) => {
  const { cluster, scratch } = t.context;
  const script = `
    const net = require('node:net'), crypto = require('node:crypto');
    const hostile = [crypto.randomBytes(5000), Buffer.from('TEES' + '\\xff'.repeat(12), 'latin1'), Buffer.alloc(0)];
    (async () => { for (const bytes of hostile) await new Promise((done) => {
      const socket = net.connect(7611, '127.0.0.1', () => socket.end(bytes));
      socket.on('error', () => {}).on('close', done).resume();
    }); })();`;
  const noise = await cluster.exec('cn1', [process.execPath, '-e', script]);
  t.is(noise.status, 0, noise.stderr);
  const options = ['--nodes', 'cn[0-2]', '--upper', join(scratch, 'good')];
  const after = await tees([
    'run',
    '--cluster',
    cluster.stateDirectory,
    ...options,
    '--',
    'cat',
    '/opt/file',
  ]);
  t.is(after.status, 0, after.stderr);
  t.is(after.stdout.match(/content/g)?.length, 3);
});

maybe(`a node whose daemon is down is named; so is a login daemon that is down${because}`, async (t) => {
  const cluster = await startCluster({ groups: 1, groupSize: 3, uplink: 'unlimited', restart: false });
  try {
    const options = ['--nodes', 'cn[0-2]', '--upper', join(t.context.scratch, 'good')];
    const run = ['run', '--cluster', cluster.stateDirectory, ...options, '--', 'true'];
    await cluster.signalNode('cn2', 'SIGKILL');
    await eventually('cn2 is down', async () => {
      const { nodes } = await cluster.status();
      return nodes.find(({ name, state }) => name === 'cn2' && state === 'down');
    });
    const node = await tees(run);
    t.is(node.status, 1);
    t.regex(node.stderr, /NODE_UNREACHABLE.*cn2[^]*daemon/);
    await cluster.signalNode('login', 'SIGKILL');
    const login = await tees(run);
    t.is(login.status, 1);
    t.regex(login.stderr, /DAEMON_DOWN[^]*tees daemon --role login/);
  } finally {
    await cluster.down();
  }
});

maybe(`a node with another cluster key is named${because}`, async (t) => {
  const wrong = 'cn2';
  process.env['TEES_TEST_WRONG_KEY'] = wrong;
  const daemonCommand = [process.execPath, WRONG_KEY_DAEMON];
  const cluster = await startCluster({ groups: 1, groupSize: 3, uplink: 'unlimited', daemonCommand });
  try {
    const options = ['--nodes', 'cn[0-2]', '--upper', join(t.context.scratch, 'good')];
    const { status, stderr } = await tees([
      'run',
      '--cluster',
      cluster.stateDirectory,
      ...options,
      '--',
      'true',
    ]);
    t.is(status, 1);
    t.regex(stderr, /KEY_REJECTED[^]*node cn2[^]*keyFile/);
  } finally {
    delete process.env['TEES_TEST_WRONG_KEY'];
    await cluster.down();
  }
});

/** No job's directory, no mount, no task on any node, once the command has returned. */
async function nothingIsLeft(t: ExecutionContext, cluster: EmbeddedCluster): Promise<void> {
  for (const node of cluster.nodes) {
    const store = `${cluster.stateDirectory}/nodes/${node}/store`;
    const script = `ls -A ${store}/jobs; grep -c ' ${store}/jobs' /proc/self/mountinfo; grep -lz ^TEES_JOB= /proc/[0-9]*/environ`;
    const { stdout } = await cluster.exec(node, ['sh', '-c', script]);
    t.is(stdout.trim(), '0', `something is left on ${node}`);
  }
}
