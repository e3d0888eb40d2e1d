/** A cluster ends with its owner, however that ends; without an owner it stays until it is taken down. */
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCluster } from '../../../src/emulator/cluster.js';
import { findCommand } from '../../../src/emulator/host-processes.js';
import { takeDown } from '../../../src/emulator/take-down.js';
import { initPath } from '../../../src/emulator/tools.js';
import { clusterTest, remains, startOwner, stateDirectory, tracesOf } from '../../support/embedded.js';

/** The first process of a cluster that is being started. */
async function beginning(path: string): Promise<number> {
  for (let i = 0; i < 1000; i++) {
    const pid = findCommand(initPath(), 'supervise', path);
    if (pid !== undefined) return pid;
    await sleep(5);
  }
  throw new Error('no cluster is being started');
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  clusterTest(`an owner that dies of ${signal} leaves nothing`, async (t) => {
    const path = stateDirectory(t);
    const owner = await startOwner(t, path, 'drop', 'hold');
    const traces = await tracesOf(path);
    owner.kill(signal);
    t.deepEqual(await remains(traces), []);
    t.false(existsSync(path));
  });
}

clusterTest('an owner killed while the cluster is starting leaves nothing', async (t) => {
  const path = stateDirectory(t);
  const owner = startOwner(t, path, 'drop', 'hold');
  owner.catch(() => {});
  const supervise = await beginning(path);
  const status = readFileSync(`/proc/${supervise}/status`, 'utf8');
  process.kill(Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]), 'SIGKILL');
  t.deepEqual(await remains({ path, namespaces: new Set() }), []);
  t.false(existsSync(path));
  await t.throwsAsync(owner);
});

clusterTest('a supervisor that is killed leaves nothing', async (t) => {
  const path = stateDirectory(t);
  await startOwner(t, path, 'drop', 'hold');
  const traces = await tracesOf(path);
  process.kill((await (await openCluster(path)).status()).supervisorPid, 'SIGKILL');
  t.deepEqual(await remains(traces), []);
  t.false(existsSync(path));
});

clusterTest('a cluster that was let go outlives its owner, and down ends it', async (t) => {
  const path = stateDirectory(t);
  const owner = await startOwner(t, path, 'keep', 'detach');
  if (owner.exitCode === null) await once(owner, 'exit');
  const traces = await tracesOf(path);
  t.is((await (await openCluster(path)).exec('cn1', ['hostname'])).stdout, 'cn1\n');
  t.is(await takeDown(path), 'up');
  t.deepEqual(await remains(traces), []);
});

clusterTest('when all of it is killed only files stay, and down removes them', async (t) => {
  const path = stateDirectory(t);
  await startOwner(t, path, 'keep', 'hold');
  const traces = await tracesOf(path);
  process.kill(await beginning(path), 'SIGKILL');
  t.deepEqual(await remains(traces), []);
  t.is(await takeDown(path), 'leftovers');
  t.deepEqual(readdirSync(path).sort(), ['nodes', 'supervisor.log']);
});

clusterTest('down ends a cluster whose supervisor is stopped', async (t) => {
  const path = stateDirectory(t);
  await startOwner(t, path, 'keep', 'hold');
  const traces = await tracesOf(path);
  process.kill((await (await openCluster(path)).status()).supervisorPid, 'SIGSTOP');
  t.is(await takeDown(path), 'up');
  t.deepEqual(await remains(traces), []);
  t.false(existsSync(`${path}/control.sock`));
});

clusterTest('down without a cluster says so', async (t) => {
  await t.throwsAsync(takeDown(stateDirectory(t)), { code: 'CLUSTER_NOT_UP' });
});
