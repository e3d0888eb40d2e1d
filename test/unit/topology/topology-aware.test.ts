import test from 'ava';
import fc from 'fast-check';
import type { Group } from '../../../src/topology/cluster.js';
import { buildTree } from '../../../src/topology/strategies.js';
import type { Tree } from '../../../src/topology/tree.js';
import { clusterOf, computeNodes, situations, wholeGroups } from './clusters.js';
import type { Situation } from './clusters.js';

const anyWidth = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(15));
const RUNS = { numRuns: 400 };

function build({ cluster, nodes, width, idle }: Situation): Tree {
  return buildTree('topology-aware', { cluster, nodes, width, isIdle: (proxy) => idle.has(proxy) });
}

/** The tree by names, with what the properties ask of it. */
function inspect(situation: Situation, tree: Tree) {
  const levels: number[] = [];
  for (const parent of tree.parents) levels.push(parent < 0 ? 0 : (levels[parent] as number) + 1);
  const indexOf = new Map(tree.names.map((name, i) => [name, i] as const));
  const parentOf = (name: string): string => tree.names[tree.parents[indexOf.get(name) as number] as number]!;
  const levelOf = (name: string): number => levels[indexOf.get(name) as number] as number;
  const groupOf = (name: string): string | undefined => situation.cluster.nodes.get(name)?.group;
  const wanted = new Set(situation.nodes);
  const used = ({ slaves }: Group): string[] => slaves.filter((slave) => wanted.has(slave));
  const proxies = situation.cluster.groups.filter(({ proxy }) => indexOf.has(proxy));
  return { levels, indexOf, parentOf, levelOf, groupOf, wanted, used, proxies };
}

function property(
  title: string,
  widths: fc.Arbitrary<number>,
  check: (situation: Situation, tree: Tree, facts: ReturnType<typeof inspect>) => boolean,
): void {
  test(title, (t) => {
    fc.assert(
      fc.property(situations(widths), (situation) => {
        const tree = build(situation);
        return check(situation, tree, inspect(situation, tree));
      }),
      RUNS,
    );
    t.pass();
  });
}

property(
  'every node of the job stands in the tree once, with the borrowed ones and nobody else',
  anyWidth,
  (situation, tree) => {
    const expected = [situation.cluster.login.name, ...situation.nodes, ...tree.borrowed].sort();
    return JSON.stringify([...tree.names].sort()) === JSON.stringify(expected);
  },
);

property(
  'parents precede children, and children and parents agree',
  anyWidth,
  (_, tree) =>
    tree.names.every((_name, i) => {
      const parent = tree.parents[i] as number;
      if (i === 0) return parent === -1;
      return parent >= 0 && parent < i && tree.children[parent]!.filter((child) => child === i).length === 1;
    }) && tree.children.flat().length === tree.names.length - 1,
);

property(
  'depth is the farthest node’s',
  anyWidth,
  (_, tree, { levels }) => tree.depth === Math.max(...levels),
);

property('nobody has more children than the width allows', anyWidth, ({ width }, tree) =>
  tree.children.every((children) => children.length <= width),
);

property(
  'a proxy node is borrowed when it is idle and more than half of its group is used, else never',
  anyWidth,
  (situation, tree, { wanted, used }) => {
    const expected = situation.cluster.groups
      .filter((group) => !wanted.has(group.proxy) && situation.idle.has(group.proxy))
      .filter((group) => used(group).length > (group.slaves.length + 1) / 2)
      .map((group) => group.proxy);
    return JSON.stringify([...tree.borrowed].sort()) === JSON.stringify(expected.sort());
  },
);

property(
  'orphans are the slave nodes without their proxy node',
  anyWidth,
  (situation, tree, { indexOf, used }) => {
    const expected = situation.cluster.groups.filter(({ proxy }) => !indexOf.has(proxy)).flatMap(used);
    return JSON.stringify([...tree.orphans].sort()) === JSON.stringify(expected.sort());
  },
);

property('the bytes enter each group once', anyWidth, (_, tree, { parentOf, groupOf }) => {
  const entries = tree.names.slice(1).filter((name) => groupOf(parentOf(name)) !== groupOf(name));
  return new Set(entries.map(groupOf)).size === entries.length;
});

property(
  'they enter a group through its proxy node, if that is in the tree',
  anyWidth,
  (_, _tree, { parentOf, groupOf, proxies }) =>
    proxies.every(({ name, proxy, slaves: _slaves }) => groupOf(parentOf(proxy)) !== name),
);

property(
  'a slave node is directly below its proxy node when the width leaves two places for others',
  anyWidth,
  ({ width }, _, { parentOf, used, proxies }) =>
    width < 3 ||
    proxies.every((group) => {
      const slaves = used(group);
      return slaves.length > width - 2 || slaves.every((slave) => parentOf(slave) === group.proxy);
    }),
);

property(
  'a group whose proxy node carries nobody else is one level deep if it fits',
  anyWidth,
  ({ width }, tree, { parentOf, used, proxies, groupOf, indexOf }) =>
    proxies.every((group) => {
      const children = tree.children[indexOf.get(group.proxy) as number]!.map((child) => tree.names[child]!);
      const carriesOthers = children.some((child) => groupOf(child) !== group.name);
      const slaves = used(group);
      return (
        carriesOthers || slaves.length > width || slaves.every((slave) => parentOf(slave) === group.proxy)
      );
    }),
);

property(
  'proxy nodes hang below the root and other proxy nodes only',
  fc.integer({ min: 3, max: 20 }),
  ({ cluster }, _, { parentOf, proxies }) =>
    proxies.every(({ proxy }) => cluster.nodes.get(parentOf(proxy))?.role !== 'slave'),
);

property(
  'the proxy nodes have as few levels as the places beside their slave nodes allow',
  fc.integer({ min: 3, max: 20 }),
  ({ width }, _, { levelOf, used, proxies }) => {
    const places = proxies
      .map((group) => width - used(group).length)
      .map((left) => (left >= 2 ? left : Math.ceil(width / 2)))
      .sort((a, b) => b - a);
    // The most that any order could have on each level: those with the most places first.
    let [level, placed, open] = [0, 0, width];
    while (placed < proxies.length) {
      const next = places.slice(placed, placed + open);
      open = next.reduce((sum, each) => sum + each, 0);
      placed += next.length;
      level++;
    }
    return Math.max(0, ...proxies.map(({ proxy }) => levelOf(proxy))) === level;
  },
);

property('orphans carry orphans only', anyWidth, (_, tree, { parentOf }) => {
  const orphans = new Set(tree.orphans);
  return tree.names.slice(1).every((name) => !orphans.has(parentOf(name)) || orphans.has(name));
});

test('orphans come last: on the level of the deepest slave nodes', (t) => {
  const cluster = wholeGroups(20);
  // cn0 is busy: its slave nodes are orphans; the other 19 groups fill the tree to level 3.
  const nodes = computeNodes(cluster).filter((name) => !['cn0', 'cn8'].includes(name) && name !== 'cn9');
  const single = ['cn9', ...nodes.filter((name) => !/^cn(1[0-5])$/.test(name))];
  const tree = buildTree('topology-aware', { cluster, nodes: single, width: 15, isIdle: () => false });
  const { levelOf } = inspect({ cluster, nodes: single, width: 15, idle: new Set() }, tree);
  t.is(tree.depth, 3);
  t.is(levelOf('cn9'), 3);
  t.deepEqual([2, 3, 3, 3, 3, 3, 3], ['cn1', 'cn2', 'cn3', 'cn4', 'cn5', 'cn6', 'cn7'].map(levelOf));
});

test('the idle state of a proxy node is only asked when borrowing it would help', (t) => {
  const asked: string[] = [];
  const isIdle = (proxy: string): boolean => asked.push(proxy) > 0;
  // 5 of 8 is more than half, 4 of 8 is not; cn16 is a node of the job itself.
  const nodes = ['cn1', 'cn2', 'cn3', 'cn4', 'cn5', 'cn9', 'cn10', 'cn11', 'cn12', 'cn16', 'cn17'];
  const tree = buildTree('topology-aware', { cluster: wholeGroups(4), nodes, width: 15, isIdle });
  t.deepEqual(asked, ['cn0']);
  t.deepEqual(tree.borrowed, ['cn0']);
  t.deepEqual(tree.orphans, ['cn9', 'cn10', 'cn11', 'cn12']);
});

for (const [groups, depth] of [
  [15, 2],
  [135, 3],
  [1095, 4],
] as const) {
  test(`${groups * 8} nodes in whole groups of 8 fill a tree of width 15 and depth ${depth}`, (t) => {
    const cluster = wholeGroups(groups + 1);
    const build = (nodes: string[]): Tree =>
      buildTree('topology-aware', { cluster, nodes, width: 15, isIdle: () => false });
    const all = computeNodes(cluster);
    t.is(build(all.slice(0, groups * 8)).depth, depth);
    t.is(build(all).depth, depth + 1, 'it is full: one group more makes it deeper');
  });
}

test('15 proxy nodes alone are a tree of depth 1', (t) => {
  const cluster = wholeGroups(15);
  const nodes = cluster.groups.map((group) => group.proxy);
  const tree = buildTree('topology-aware', { cluster, nodes, width: 15, isIdle: () => false });
  t.is(tree.depth, 1);
  t.is(tree.children[0]?.length, 15);
});

for (const groups of [2195, 8775]) {
  test(`a tree of ${groups * 8} nodes is built, with every node in it`, (t) => {
    const cluster = wholeGroups(groups);
    const startedMs = performance.now();
    const tree = buildTree('topology-aware', {
      cluster,
      nodes: computeNodes(cluster),
      width: 15,
      isIdle: () => false,
    });
    t.log(`${(performance.now() - startedMs).toFixed(0)} ms, depth ${tree.depth}`);
    t.is(new Set(tree.names).size, groups * 8 + 1);
    t.is(tree.depth, 5);
  });
}

test('20 proxy nodes on the second level are shared out evenly', (t) => {
  const cluster = wholeGroups(15 + 20);
  const nodes = computeNodes(cluster);
  const tree = buildTree('topology-aware', { cluster, nodes, width: 15, isIdle: () => false });
  const carried = tree.children[0]!.map((proxy) => tree.children[proxy]!.length - 7);
  t.deepEqual([Math.min(...carried), Math.max(...carried)], [1, 2]);
});

test('a proxy node that keeps half of its width for others comes before one with little left', (t) => {
  // 14 slave nodes of 15 places: 8 are kept for proxy nodes. 13 slave nodes: 2 are left.
  const cluster = clusterOf([...new Array<number>(47).fill(14), 15, 15, 15]);
  const nodes = computeNodes(cluster);
  const tree = buildTree('topology-aware', { cluster, nodes, width: 15, isIdle: () => false });
  t.is(tree.depth, 3);
});
