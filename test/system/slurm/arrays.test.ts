/** Arrays: tasks that begin at the same time on many nodes, each with an environment of its own, which travels once for all of them. */
import { chmod, chown, mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { personOf } from '../../support/environments.js';
import { ask, insideAs, jobOf, whatIsLeft } from '../../support/slurm.js';
import { eventually } from '../../support/tees.js';

const maybe = clusterTests(
  { groups: 2, groupSize: 2, uplink: '50mbit', storeCache: '64MiB', environments: true, slurm: true },
  {},
);
const USER = personOf('sys');
const FILES = 12;
const FILE_BYTES = 1_000_000;
const LAYER_BYTES = FILES * FILE_BYTES;
/** Four a node. */
const TASKS = 16;

const inside = insideAs(USER);

/** Other files each time, so that no node has them already. */
function makeLayer(t: Test): Promise<string> {
  return inside(
    t,
    `mkdir -p /opt/data /opt/own; chmod 1777 /opt/own; for i in $(seq ${FILES}); do head -c ${FILE_BYTES} /dev/urandom >/opt/data/$i; done`,
  );
}

async function outputDirectory(t: Test, name: string): Promise<string> {
  const { scratch } = t.context;
  const out = join(scratch, name);
  await chmod(scratch, 0o755);
  await mkdir(out);
  await chown(out, USER.uid, USER.gid);
  return out;
}

async function bytesIn(t: Test): Promise<number[]> {
  return (await t.context.cluster.uplinkCounters()).map(({ inBytes }) => inBytes);
}

const ARRAY = `--array=1-${TASKS} --cpus-per-task=2`;

maybe('what all tasks need crosses each uplink once; each task has its own environment', async (t) => {
  t.timeout(180_000);
  await makeLayer(t);
  const out = await outputDirectory(t, 'many');
  const before = await bytesIn(t);
  const task =
    'cat /opt/data/* | wc -c; echo $SLURM_ARRAY_TASK_ID >>/opt/own/mine; cat /opt/own/mine; hostname; sleep 5';
  await inside(t, `cd /tmp && sbatch ${ARRAY} --output=${out}/%a --wrap '${task}'`);
  t.deepEqual(await whatIsLeft(t.context.cluster), []);
  const bytes = (await bytesIn(t)).map((now, index) => (now - before[index]!) / LAYER_BYTES);
  t.log(`of the layer by each uplink: ${bytes.map((one) => one.toFixed(2)).join(', ')}`);
  const hosts = new Set<string>();
  for (let i = 1; i <= TASKS; i++) {
    const [size, mine, host] = (await readFile(join(out, String(i)), 'utf8')).trim().split('\n');
    t.deepEqual([size, mine], [String(LAYER_BYTES), String(i)]);
    hosts.add(host ?? '');
  }
  t.is(hosts.size, 4, 'Slurm has used all nodes');
  for (const one of bytes) t.true(one < 2, `${one} of the layer`);
});

maybe('an array that is cancelled while it waits leaves nothing, nor what is carried for it', async (t) => {
  t.timeout(180_000);
  await makeLayer(t);
  const out = await outputDirectory(t, 'cancelled');
  const task = 'cat /opt/data/* | wc -c; sleep 100';
  const job = jobOf(await inside(t, `cd /tmp && sbatch ${ARRAY} --output=${out}/%a --wrap '${task}'`));
  const { cluster } = t.context;
  const status = async (): Promise<string> =>
    (
      await cluster.exec('login', [
        'sh',
        '-c',
        `${process.cwd()}/bin/tees status --cluster ${cluster.stateDirectory}`,
      ])
    ).stdout;
  await eventually('something is carried', async () => (await status()).includes('streaming'));
  await inside(t, `scancel ${job}`);
  t.deepEqual(await whatIsLeft(cluster), []);
  await eventually('no job', async () => !(await status()).includes('cn['));
  t.is(await ask(cluster, 'squeue', '--noheader'), '');
  t.true((await readdir(out)).length <= TASKS);
});
