/** Traffic of an embedded cluster: who reaches whom, over which uplink, and how fast. */
import type { ExecutionContext } from 'ava';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import { sendBytes } from '../../support/dummies.js';
import { clusterTest, start } from '../../support/embedded.js';

const MIB = 2 ** 20;
/** Headers and acknowledgements. */
const OVERHEAD = 1.05;
/** Until a bridge has learnt where a node is, it sends that node's packets everywhere. */
const FLOODED = 4096;

/** Two groups of three: login, cn0 to cn2 at 198.18.1.[1-3], cn3 to cn5 at 198.18.2.[1-3]. */
function cluster(t: ExecutionContext, uplink: string): Promise<EmbeddedCluster> {
  return start(t, { groups: 2, groupSize: 3, uplink });
}

async function send(
  t: ExecutionContext,
  from: string,
  to: string,
  bytes: number,
  on: EmbeddedCluster,
): Promise<void> {
  const { stdout, stderr } = await on.exec(from, sendBytes(to, bytes));
  t.is(stdout, String(bytes), stderr);
}

/** Bytes in and out of each group, in the order of the groups. */
async function counted(on: EmbeddedCluster, action: () => Promise<void>): Promise<[number, number][]> {
  const before = await on.uplinkCounters();
  await action();
  const after = await on.uplinkCounters();
  return after.map(({ inBytes, outBytes }, g) => [
    inBytes - (before[g]?.inBytes ?? 0),
    outBytes - (before[g]?.outBytes ?? 0),
  ]);
}

clusterTest('nodes of every kind reach each other', async (t) => {
  const on = await cluster(t, 'unlimited');
  for (const [from, to] of [
    ['login', '198.18.1.1'],
    ['login', '198.18.2.3'],
    ['cn1', '198.18.0.1'],
    ['cn1', '198.18.1.1'],
    ['cn1', '198.18.1.3'],
    ['cn0', '198.18.2.1'],
    ['cn2', '198.18.2.3'],
    ['cn4', '127.0.0.1'],
  ] as const) {
    // prettier-ignore
    await send(t, from, to, 1000, on);
  }
});

clusterTest("a slave's traffic is counted on its proxy's uplink, in both directions", async (t) => {
  const on = await cluster(t, 'unlimited');
  const size = 8 * MIB;
  const [in1, in2] = await counted(on, () => send(t, 'login', '198.18.1.2', size, on));
  t.true((in1?.[0] ?? 0) >= size && (in1?.[0] ?? 0) < size * OVERHEAD, 'into the group, once');
  t.true((in1?.[1] ?? 0) < size * (OVERHEAD - 1), 'out of it, acknowledgements alone');
  t.true((in2?.[0] ?? 0) + (in2?.[1] ?? 0) < FLOODED, 'the other group has no part in it');

  const [out1, out2] = await counted(on, () => send(t, 'cn2', '198.18.2.3', size, on));
  t.true((out1?.[1] ?? 0) >= size && (out1?.[1] ?? 0) < size * OVERHEAD);
  t.true((out2?.[0] ?? 0) >= size && (out2?.[0] ?? 0) < size * OVERHEAD);
});

clusterTest('traffic within a group stays off its uplink', async (t) => {
  const on = await cluster(t, 'unlimited');
  const [first] = await counted(on, () => send(t, 'cn1', '198.18.1.3', MIB, on));
  t.true((first?.[0] ?? 0) + (first?.[1] ?? 0) < FLOODED);
});

clusterTest('the proxy itself sees what its slaves receive pass its interface', async (t) => {
  const on = await cluster(t, 'unlimited');
  const received = async (): Promise<number> => {
    const { stdout } = await on.exec('cn0', ['grep', 'up0:', '/proc/net/dev']);
    return Number(stdout.trim().split(/[\s:]+/)[1]);
  };
  const before = await received();
  await send(t, 'login', '198.18.1.3', MIB, on);
  t.true((await received()) - before >= MIB);
});

clusterTest(
  'nodes need not ask for link addresses: the host has one table of them, and it is small',
  async (t) => {
    const on = await cluster(t, 'unlimited');
    await send(t, 'cn1', '198.18.2.2', 1000, on);
    for (const [node, device] of [
      ['login', 'eth0'],
      ['cn0', 'br0'],
      ['cn4', 'eth0'],
    ] as const) {
      // prettier-ignore
      const { stdout } = await on.exec(node, ['ip', '-4', 'neigh', 'show', 'dev', device]);
      const lines = stdout.trim().split('\n');
      t.is(lines.length, 6);
      t.true(
        lines.every((line) => line.trim().endsWith('PERMANENT')),
        stdout,
      );
    }
  },
);

for (const [from, to, direction] of [
  ['login', '198.18.1.2', 'into'],
  ['cn1', '198.18.0.1', 'out of'],
] as const) {
  clusterTest(`an uplink limits what goes ${direction} its group to its rate`, async (t) => {
    const on = await cluster(t, '80mbit');
    const size = 5 * MIB;
    const began = performance.now();
    await send(t, from, to, size, on);
    const seconds = (performance.now() - began) / 1000;
    // The bucket's first 256 KiB pass at once. Slower is the host's affair, faster would be a hole.
    t.true(seconds >= ((size - 256 * 1024) * 8) / 80e6, `${seconds} s`);
    const [first] = await on.uplinkCounters();
    t.true(Math.max(first?.inBytes ?? 0, first?.outBytes ?? 0) < size * OVERHEAD, 'GSO packets pass whole');
  });
}
