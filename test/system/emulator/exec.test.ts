/** Commands on nodes: whose namespaces, how they end, and what is refused. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { TeesError } from '../../../src/base/errors.js';
import { clusterTest, start } from '../../support/embedded.js';

const TEES = new URL('../../../../bin/tees', import.meta.url).pathname;

function tees(...argv: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(TEES, argv, { encoding: 'utf8' });
}

clusterTest("a command runs in its node's namespaces", async (t) => {
  const cluster = await start(t);
  const { stdout } = await cluster.exec('cn1', [
    'sh',
    '-c',
    'hostname; ip -4 -o addr show eth0; cat /proc/1/comm',
  ]);
  t.regex(stdout, /^cn1\n.*inet 198\.18\.1\.2\/15 .*\ntees-init\n$/s);
});

clusterTest('status, signal, output, input and directory of a command pass through', async (t) => {
  const cluster = await start(t);
  const run = (script: string, input?: string) =>
    cluster.exec('cn0', ['sh', '-c', script], { cwd: '/usr/bin', ...(input === undefined ? {} : { input }) });
  t.deepEqual(await run('pwd; echo no >&2; exit 3'), {
    status: 3,
    signal: null,
    stdout: '/usr/bin\n',
    stderr: 'no\n',
  });
  t.like(await run('kill -KILL $$'), { status: null, signal: 'SIGKILL' });
  t.is((await run('tr a-z A-Z', 'hello')).stdout, 'HELLO');
  t.is((await cluster.exec('cn0', ['no-such-command'])).status, 127);
});

clusterTest('a signal to the caller of a command reaches the command', async (t) => {
  const cluster = await start(t);
  const script = "trap 'echo caught; exit 9' TERM; echo set; while :; do sleep 0.1; done";
  const child = await cluster.spawn('cn0', ['sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  while (!said.includes('set')) await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'close'), [9, null]);
  t.is(said, 'set\ncaught\n');
});

clusterTest('an unknown node is refused with what was probably meant', async (t) => {
  const cluster = await start(t);
  const error = await t.throwsAsync(cluster.exec('cn11', ['true']), { instanceOf: TeesError });
  t.is(error.code, 'NODE_UNKNOWN');
  t.true(error.usage);
  t.regex(error.hint ?? '', /cn1/);
});

clusterTest('tees cluster exec ends as its command does', async (t) => {
  const cluster = await start(t);
  const exec = (...argv: string[]) => tees('cluster', 'exec', '--state', cluster.stateDirectory, ...argv);
  t.like(exec('cn1', '--', 'sh', '-c', 'hostname; exit 5'), { status: 5, stdout: 'cn1\n', stderr: '' });
  t.is(exec('cn1', '--', 'sh', '-c', 'kill -TERM $$').status, 143);
  t.like(exec('nonode', '--', 'true'), { status: 2 });
  t.like(exec('cn1'), { status: 2 });
});

clusterTest('tees cluster up, status and down do what they say, with the real daemons', (t) => {
  const path = `/tmp/tees-test-cli-${process.pid}`;
  t.teardown(() => {
    tees('cluster', 'down', '--state', path);
    spawnSync('rm', ['-rf', path]);
  });
  const up = tees('cluster', 'up', '--state', path, '--groups', '1', '--group-size', '2');
  t.is(up.status, 0, up.stderr);
  t.regex(up.stdout, new RegExp(`export TEES_CLUSTER=${path}`));
  const status = tees('cluster', 'status', '--json', '--cluster', path);
  const facts = JSON.parse(status.stdout) as { schema: number; nodes: { state: string }[] };
  t.deepEqual(
    facts.nodes.map(({ state }) => state),
    ['up', 'up', 'up'],
  );
  t.regex(tees('cluster', 'status', '--state', path).stdout, /cn1 +slave +198\.18\.1\.2 +up/);
  t.is(tees('cluster', 'down', '--state', path).status, 0);
  t.like(tees('cluster', 'status', '--state', path), { status: 1 });
  return Promise.resolve();
});

clusterTest('wrong options of tees cluster up start nothing and end with status 2', (t) => {
  for (const wrong of [
    ['--groups', '0'],
    ['--group-size', '33'],
    ['--uplink', 'fast'],
    ['--store-size', '1x'],
  ]) {
    const { status, stderr } = tees(
      'cluster',
      'up',
      '--state',
      `/tmp/tees-test-never-${process.pid}`,
      ...wrong,
    );
    t.is(status, 2, stderr);
    t.regex(stderr, new RegExp(`CLUSTER_OPTION_INVALID: ${wrong[0]}`));
  }
  return Promise.resolve();
});
