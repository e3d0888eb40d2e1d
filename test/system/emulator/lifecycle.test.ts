/** An embedded cluster's life: up, what it consists of, down, and every way in which it does not come up. */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { TeesError } from '../../../src/base/errors.js';
import { loadConfig } from '../../../src/config/parse.js';
import { loadClusterKey } from '../../../src/config/secret.js';
import type { NodeStatus } from '../../../src/emulator/status.js';
import { dummyDaemon } from '../../support/dummies.js';
import { clusterTest, remains, start, stateDirectory, tracesOf } from '../../support/embedded.js';
import { eventually } from '../../support/tees.js';

clusterTest('down leaves nothing: no process, namespace, mount or file', async (t) => {
  const cluster = await start(t, { groups: 2, groupSize: 3 });
  const traces = await tracesOf(cluster.stateDirectory);
  t.true(traces.namespaces.size > 7 * 3, 'the traces cover every node');
  writeFileSync(`${cluster.stateDirectory}/of-the-test`, '');
  await cluster.down();
  t.deepEqual(await remains(traces), []);
  t.false(existsSync(cluster.stateDirectory));
});

clusterTest('with a state directory of its own only the logs stay', async (t) => {
  const path = stateDirectory(t);
  const cluster = await start(t, { stateDirectory: path });
  await cluster.down();
  t.deepEqual(readdirSync(path).sort(), ['nodes', 'supervisor.log']);
  t.deepEqual(readdirSync(`${path}/nodes/cn1`), ['daemon.log']);
});

clusterTest('nothing of it is seen on the host while it is up', async (t) => {
  const before = readFileSync('/proc/net/dev', 'utf8').split('\n').length;
  const cluster = await start(t);
  t.false(readFileSync('/proc/self/mounts', 'utf8').includes(cluster.stateDirectory));
  t.deepEqual(readdirSync(`${cluster.stateDirectory}/net`), []);
  t.is(readFileSync('/proc/net/dev', 'utf8').split('\n').length, before);
});

clusterTest('its configuration is one that every command reads', async (t) => {
  const cluster = await start(t, { groups: 2, groupSize: 3, storeSize: '64MiB' });
  const config = loadConfig(cluster.configFile);
  t.deepEqual(config.cluster.groups[1], { name: 'g1', proxy: 'cn3', slaves: ['cn4', 'cn5'] });
  t.is(config.cluster.nodes.get('cn5')?.address, '198.18.2.3');
  t.is(config.store.sizeBytes, 64 * 2 ** 20);
  t.is(loadClusterKey(config.keyFile).length >= 32, true);
  t.is(statSync(config.keyFile).mode & 0o777, 0o600);
});

clusterTest("the login daemon's socket is reached from the host", async (t) => {
  const cluster = await start(t);
  const { runtimeDirectory } = loadConfig(cluster.configFile);
  t.is(await text(createConnection(`${runtimeDirectory}/tees.sock`)), 'login login\n');
});

clusterTest("a compute node's store is a file system of its own", async (t) => {
  const cluster = await start(t, { storeSize: '8MiB' });
  const store = `${cluster.stateDirectory}/nodes/cn1/store`;
  const script = `echo mine >${store}/f && stat -f -c '%T %b %S' ${store}`;
  const { stdout } = await cluster.exec('cn1', ['sh', '-c', script]);
  const [type, blocks, size] = stdout.trim().split(' ');
  t.is(type, 'tmpfs');
  t.is(Number(blocks) * Number(size), 8 * 2 ** 20);
  t.false(existsSync(`${store}/f`));
  t.not((await cluster.exec('cn0', ['test', '-e', `${store}/f`])).status, 0);
});

clusterTest('status shows every node up, by the pids of the host, within the memory allowed', async (t) => {
  const cluster = await start(t);
  const { phase, nodes } = await cluster.status();
  t.is(phase, 'up');
  t.deepEqual(
    nodes.map(({ name, state }) => [name, state]),
    [['login', 'up'], ['cn0', 'up'], ['cn1', 'up']], // prettier-ignore
  );
  for (const { name, pid, rssBytes = 0, pssBytes = 0, overMemory } of nodes) {
    t.true(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(name));
    t.true(rssBytes > pssBytes && pssBytes > 2 ** 20);
    t.false(overMemory);
  }
});

clusterTest('a daemon that dies is shown as down, and the others live on', async (t) => {
  const cluster = await start(t, { restart: false });
  await cluster.signalNode('cn0', 'SIGKILL');
  const shown = async (): Promise<unknown[]> =>
    (await cluster.status()).nodes.map(({ state, exit }) => exit ?? state);
  while ((await shown())[1] === 'up');
  t.deepEqual(await shown(), ['up', 'SIGKILL', 'up']);
  const error = await t.throwsAsync(cluster.exec('cn0', ['true']), { instanceOf: TeesError });
  t.is(error.code, 'CLUSTER_NODE_DOWN');
});

clusterTest(
  'a killed daemon is started again, on the node as it was; one that was told to stop is not',
  async (t) => {
    const cluster = await start(t);
    const store = `${cluster.stateDirectory}/nodes/cn0/store`;
    t.is((await cluster.exec('cn0', ['sh', '-c', `echo kept >${store}/file`])).status, 0);
    const shown = async (): Promise<Partial<NodeStatus>> => (await cluster.status()).nodes[1] ?? {};
    const { pid } = await shown();
    for (let kills = 1; kills <= 3; kills++) {
      await cluster.signalNode('cn0', 'SIGKILL');
      await eventually('cn0 is up again', async () => {
        const { state, restarts } = await shown();
        return state === 'up' && restarts === kills;
      });
    }
    t.not((await shown()).pid, pid);
    t.is((await cluster.exec('cn0', ['cat', `${store}/file`])).stdout, 'kept\n');
    t.is((await cluster.exec('cn0', ['hostname'])).stdout, 'cn0\n');
    await cluster.signalNode('cn0', 'SIGTERM');
    await eventually('cn0 is down', async () => (await shown()).state === 'down');
  },
);

clusterTest(
  'a second cluster in the same state directory is refused, and the first is unharmed',
  async (t) => {
    const path = stateDirectory(t);
    const cluster = await start(t, { stateDirectory: path });
    const error = await t.throwsAsync(start(t, { stateDirectory: path }), { instanceOf: TeesError });
    t.is(error.code, 'CLUSTER_ALREADY_UP');
    t.is((await cluster.exec('cn1', ['hostname'])).stdout, 'cn1\n');
  },
);

clusterTest('two clusters at the same time do not disturb each other', async (t) => {
  const [one, two] = await Promise.all([start(t), start(t)]);
  const other = await tracesOf(two.stateDirectory);
  for (const name of (await tracesOf(one.stateDirectory)).namespaces) t.false(other.namespaces.has(name));
  await one.down();
  t.is((await two.status()).nodes.filter(({ state }) => state === 'up').length, 3);
  t.is((await two.exec('cn1', ['hostname'])).stdout, 'cn1\n');
});

for (const [what, wanted] of [
  ['fail', /the daemon of cn1 ended with status 7; .*the store is on fire/s],
  ['hang', /the daemon of cn1 was not ready within 2 s/],
] as const) {
  clusterTest(`a daemon that does not come up (${what}) is named, and nothing is left`, async (t) => {
    const path = stateDirectory(t);
    const daemonCommand = dummyDaemon(`--${what}`, 'cn1');
    const starting = start(t, {
      stateDirectory: path,
      keepLogs: false,
      daemonCommand,
      readyDeadlineMs: 2000,
    });
    const error = await t.throwsAsync(starting, { instanceOf: TeesError });
    t.is(error.code, 'CLUSTER_NODE_FAILED');
    t.is(error.node, 'cn1');
    t.regex(error.message, wanted);
    t.deepEqual(await remains({ path, namespaces: new Set() }), []);
    t.false(existsSync(path));
  });
}
