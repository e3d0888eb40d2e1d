import test from 'ava';
import { treeToDot, treeToJson, treeToText } from '../../../src/topology/render.js';
import { buildTree } from '../../../src/topology/strategies.js';
import type { TreeStrategy } from '../../../src/topology/strategies.js';
import type { Tree } from '../../../src/topology/tree.js';
import { computeNodes, wholeGroups } from './clusters.js';

const COLUMNS = 80;

function build(
  groups: number,
  width = 15,
  strategy: TreeStrategy = 'topology-aware',
  nodes?: string[],
): Tree {
  const cluster = wholeGroups(groups);
  return buildTree(strategy, { cluster, nodes: nodes ?? computeNodes(cluster), width, isIdle: () => true });
}

test('a small tree is drawn whole', (t) => {
  t.is(treeToText(build(2)), ['login', '├─ cn0 → cn[1-7]', '└─ cn8 → cn[9-15]', ''].join('\n'));
});

test('borrowed nodes and orphans are marked', (t) => {
  const tree = build(2, 15, 'topology-aware', ['cn1', 'cn2', 'cn3', 'cn4', 'cn5', 'cn9', 'cn10', 'cn11']);
  const expected = ['login', '├─ cn0 (borrowed) → cn[1-5]', '└─ cn9 (orphan) → cn[10-11] (orphans)', ''];
  t.is(treeToText(tree), expected.join('\n'));
});

test('neighbours with the same tree below are drawn once in a large tree', (t) => {
  const lines = treeToText(build(1095)).split('\n');
  t.true(lines.includes('└─ 14 more like cn0: cn[8,16,24,32,40,48,56,64,72,80,88,96,104,112]'));
  t.true(lines.includes('│  │  ├─ cn1080 → cn[1081-1087]'));
});

for (const [groups, width, strategy] of [
  [2, 1, 'topology-aware'],
  [135, 15, 'topology-aware'],
  [1100, 15, 'topology-aware'],
  [1100, 2, 'topology-aware'],
  [1100, 3, 'topology-aware'],
  [1100, 1, 'topology-aware'],
  [1100, 15, 'random'],
  [1100, 15, 'one-to-all'],
] as const) {
  test(`${strategy} over ${groups * 8} nodes, width ${width}, fits a terminal of ${COLUMNS} columns`, (t) => {
    const lines = treeToText(build(groups, width, strategy), COLUMNS)
      .trimEnd()
      .split('\n');
    t.true(lines.length <= 48, `${lines.length} lines`);
    for (const line of lines) t.true(line.length <= COLUMNS, line);
  });
}

test('JSON names every node with its parent and level', (t) => {
  const tree = build(2);
  const record = treeToJson(tree);
  t.is(record.root, 'login');
  t.is(record.depth, 2);
  t.deepEqual(record.levels, [1, 2, 14]);
  t.deepEqual(record.nodes[0], { name: 'cn0', parent: 'login', level: 1 });
  t.deepEqual(record.nodes[15], { name: 'cn15', parent: 'cn8', level: 2 });
  t.is(record.nodes.length, 16);
});

test('DOT has an edge for every node but the root', (t) => {
  const dot = treeToDot(build(2));
  t.is(dot.match(/ -> /g)?.length, 16);
  t.true(dot.includes('"cn8" -> "cn15";'));
  t.regex(dot, /^digraph tree \{\n[^]*\}\n$/);
});
