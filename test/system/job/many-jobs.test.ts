/** Many jobs: at the same time on nodes that they share, and one after the other on daemons that do not grow. */
import { join } from 'node:path';
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { footprints } from '../../support/daemon-footprint.js';
import type { Footprint } from '../../support/daemon-footprint.js';
import { runRequest } from '../../support/hostile-command.js';
import { RawCommand } from '../../support/raw-command.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { eventually, linesByNode } from '../../support/tees.js';

const NODES = ['cn0', 'cn1', 'cn2', 'cn3', 'cn4', 'cn5'];
const AT_ONCE = 20;
const WARM_UP = 6;
const IN_TURN = 30;
/** Of one daemon over all those jobs; if each left its layer behind, it would be half as much again. */
const GROWTH_MAX_BYTES = 40 << 20;
/** Links between nodes are opened when a tree needs them, and kept; if each job left one descriptor, it would be 30. */
const DESCRIPTORS_MAX = 8;

const maybe = clusterTests(
  { groups: 2, groupSize: 3, uplink: '400mbit' },
  {
    one: { 'opt/name': 'one\n', 'opt/data': Buffer.alloc(2 << 20, '1') },
    two: { 'opt/name': 'two\n', 'opt/data': Buffer.alloc(1 << 20, '2') },
  },
);

maybe(
  `${AT_ONCE} jobs at the same time on nodes that they share end well, each with its own output`,
  async (t) => {
    t.timeout(240_000);
    const jobs = Array.from({ length: AT_ONCE }, (_, i) => {
      const layer = i % 2 === 0 ? 'one' : 'two';
      // Three nodes each, which begin at every node in turn.
      const nodes = [0, 1, 2].map((k) => NODES[(i + k) % NODES.length] as string).sort();
      const hook = i % 4 === 3 ? ['--hook', 'preload'] : [];
      const script = `cat /opt/name; wc -c </opt/data; echo job ${i}`;
      return { i, layer, nodes, job: startJob(t, layer, nodes.join(','), script, ...hook) };
    });
    for (const { i, layer, nodes, job } of jobs) {
      const { status, stdout, stderr } = await job.ended;
      t.is(status, 0, `job ${i}: ${stderr}`);
      const expected = [layer, layer === 'one' ? '2097152' : '1048576', `job ${i}`];
      const lines = linesByNode(stdout);
      t.deepEqual([...lines.keys()].sort(), nodes, `job ${i}`);
      for (const node of nodes) t.deepEqual(lines.get(node), expected, `job ${i} on ${node}`);
    }
    t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
  },
);

/** Without a process of its own, which would take most of the time. */
async function smallJob(t: Test, hook: string): Promise<void> {
  const { cluster, scratch } = t.context;
  const command = new RawCommand(`${cluster.stateDirectory}/nodes/login/run/tees.sock`);
  const argv = ['sh', '-c', 'cat /opt/name; cat /opt/data >/dev/null'];
  command.send(runRequest(join(scratch, 'one'), { nodes: 'cn[0-5]', argv, hook, learn: true }));
  const over = await command.hears('over');
  t.is(over['status'], 0, JSON.stringify(over));
  t.is(command.output, 'one\n'.repeat(NODES.length));
  command.leave();
}

async function jobsInTurn(t: Test, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await smallJob(t, i % 3 === 2 ? 'preload' : 'fuse');
}

/** Where a node has more than before; memory comes and goes, and has room. */
function grown(before: ReadonlyMap<string, Footprint>, after: ReadonlyMap<string, Footprint>): string[] {
  return [...after].flatMap(([node, now]) => {
    const then = before.get(node) as Footprint;
    const more =
      now.descriptors > then.descriptors + DESCRIPTORS_MAX ||
      now.mounts > then.mounts ||
      now.processes > then.processes ||
      now.residentBytes > then.residentBytes + GROWTH_MAX_BYTES;
    return more ? [`${node}: ${JSON.stringify(then)}, then ${JSON.stringify(now)}`] : [];
  });
}

maybe(`${IN_TURN} jobs one after the other leave the daemons as they were`, async (t) => {
  t.timeout(240_000);
  const { cluster } = t.context;
  await jobsInTurn(t, WARM_UP);
  const before = await footprints(cluster);
  await jobsInTurn(t, IN_TURN);
  let more: string[] = [];
  await eventually('what they had open is closed', async () => {
    more = grown(before, await footprints(cluster));
    return more.length === 0;
  }).catch(() => {});
  t.deepEqual(more, []);
  for (const [node, now] of await footprints(cluster))
    t.log(node, JSON.stringify(before.get(node)), JSON.stringify(now));
  t.deepEqual(await remainsAfterAWhile(cluster), []);
});
