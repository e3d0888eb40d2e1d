import test from 'ava';
import { parseConfig } from '../../../src/config/parse.js';
import { configurationText } from '../../../src/emulator/configuration.js';
import { linkAddress, neighbours } from '../../../src/emulator/neighbours.js';
import { networkScript } from '../../../src/emulator/network-script.js';
import { specify } from '../../../src/emulator/options.js';
import { planCluster } from '../../../src/emulator/plan.js';

test('the largest cluster has distinct names and addresses in 198.18.0.0/15', (t) => {
  const { nodes } = planCluster(64, 32);
  t.is(nodes.length, 64 * 32 + 1);
  t.is(new Set(nodes.map(({ name }) => name)).size, nodes.length);
  t.is(new Set(nodes.map(({ address }) => address)).size, nodes.length);
  for (const { address } of nodes) {
    const [a, b, c = 0, d = 0] = address.split('.').map(Number);
    t.true(a === 198 && b === 18 && c >= 0 && c <= 64 && d >= 1 && d <= 32);
  }
});

test('the first node of a group is its proxy', (t) => {
  const { groups } = planCluster(2, 3);
  t.deepEqual(
    groups.map(({ proxy, slaves }) => [proxy.name, proxy.address, slaves.map(({ name }) => name)]),
    [
      ['cn0', '198.18.1.1', ['cn1', 'cn2']],
      ['cn3', '198.18.2.1', ['cn4', 'cn5']],
    ],
  );
});

for (const [groups, size] of [
  [1, 1],
  [2, 8],
  [64, 32],
] as const) {
  // prettier-ignore
  test(`the configuration of ${groups} groups of ${size} is read back as planned`, (t) => {
    const plan = planCluster(groups, size);
    const config = parseConfig(configurationText(specify({ groups, groupSize: size }, '/tmp/c'), plan), 'tees.yaml');
    t.deepEqual(
      config.cluster.groups,
      plan.groups.map(({ name, proxy, slaves }) => ({ name, proxy: proxy.name, slaves: slaves.map((s) => s.name) })),
    );
    for (const { name, address } of plan.nodes) t.is(config.cluster.nodes.get(name)?.address, address);
    t.is(config.runtimeDirectory, '/tmp/c/nodes/login/run');
  });
}

test('the configuration tells how fast what is shaped is', (t) => {
  const network = (options: object): object =>
    parseConfig(configurationText(specify(options, '/tmp/c'), planCluster(1, 2)), 'tees.yaml').network;
  t.like(network({ uplink: '100mbit', loginUplink: '1.5gbit' }), {
    uplinkBytesPerSecond: 12.5e6,
    loginBytesPerSecond: 187.5e6,
  });
  t.like(network({ uplink: 'unlimited' }), { uplinkBytesPerSecond: 1.25e9, loginBytesPerSecond: 1.25e9 });
});

test('both ends of each uplink are shaped, and the login link only when asked', (t) => {
  const shaped = (options: object): string[] =>
    networkScript(planCluster(2, 2), specify(options, '/tmp/c'))
      .flat()
      .flatMap(({ node, tc }) => tc.map((line) => `${node ?? 'core'}: ${line.replace(/ root .*/, '')}`));
  const uplinks = [
    'core: qdisc add dev g0',
    'core: qdisc add dev g1',
    'cn0: qdisc add dev up0',
    'cn2: qdisc add dev up0',
  ];
  t.deepEqual(shaped({}), uplinks);
  t.deepEqual(shaped({ uplink: 'unlimited' }), []);
  t.deepEqual(shaped({ uplink: 'unlimited', loginUplink: '1gbit' }), [
    'core: qdisc add dev login',
    'login: qdisc add dev eth0',
  ]);
});

test('a fast uplink has a bucket that lasts until the next timer', (t) => {
  const line = (uplink: string): string | undefined =>
    networkScript(planCluster(1, 1), specify({ uplink }, '/tmp/c'))[0]?.[0]?.tc[0];
  t.regex(line('400mbit') ?? '', /rate 400000000bit burst 262144 /);
  t.regex(line('10gbit') ?? '', /burst 5000000 /);
});

test('link addresses are distinct and locally administered', (t) => {
  const { nodes } = planCluster(64, 32);
  t.is(new Set(nodes.map(linkAddress)).size, nodes.length);
  t.is(linkAddress({ name: 'cn1', address: '198.18.1.2' }), '02:00:c6:12:01:02');
});

test('in a cluster of 256 nodes everybody knows everybody', (t) => {
  const plan = planCluster(32, 8);
  for (const node of plan.nodes) t.is(new Set(neighbours(plan, node)).size, 256);
});

test('in a larger one a node knows the login node, the proxies and its group', (t) => {
  const plan = planCluster(64, 32);
  const slave = plan.groups[1]?.slaves[0];
  t.truthy(slave);
  const known = slave ? neighbours(plan, slave) : [];
  t.is(known.length, 1 + 64 + 30);
  t.false(known.some((node) => node === slave));
});
