import test from 'ava';
import fc from 'fast-check';
import type { TreeStrategy } from '../../../src/topology/strategies.js';
import { TREE_STRATEGIES, buildTree } from '../../../src/topology/strategies.js';
import { computeNodes, situations, wholeGroups } from './clusters.js';

const width = fc.integer({ min: 1, max: 20 });
const never = (): boolean => false;

test('random has the shape of the topology-aware tree without borrowed nodes, and the same nodes', (t) => {
  fc.assert(
    fc.property(situations(width), fc.integer(), (situation, seed) => {
      const input = { ...situation, isIdle: never };
      const random = buildTree('random', { ...input, isIdle: () => true, seed });
      const aware = buildTree('topology-aware', input);
      t.deepEqual(random.parents, aware.parents);
      t.deepEqual([...random.names].sort(), [...aware.names].sort());
      t.is(random.names[0], 'login');
      t.deepEqual(random.borrowed, []);
    }),
    { numRuns: 100 },
  );
});

test('random gives the same tree for the same seed, and another for another', (t) => {
  const cluster = wholeGroups(10);
  const names = (seed: number): readonly string[] =>
    buildTree('random', { cluster, nodes: computeNodes(cluster), width: 15, isIdle: never, seed }).names;
  t.deepEqual(names(7), names(7));
  t.notDeepEqual(names(7), names(8));
});

test('one-to-all puts every node below the root, whatever the width', (t) => {
  const cluster = wholeGroups(10);
  const nodes = computeNodes(cluster).filter((name) => name !== 'cn0');
  const tree = buildTree('one-to-all', { cluster, nodes, width: 2, isIdle: () => true });
  t.is(tree.depth, 1);
  t.deepEqual(tree.names, ['login', ...nodes]);
  t.is(tree.children[0]?.length, nodes.length);
  t.deepEqual(tree.borrowed, []);
  t.deepEqual(tree.orphans, ['cn1', 'cn2', 'cn3', 'cn4', 'cn5', 'cn6', 'cn7']);
});

test('an unknown strategy is refused with the known ones', (t) => {
  const input = { cluster: wholeGroups(1), nodes: ['cn0'], width: 15, isIdle: never };
  const error = t.throws(() => buildTree('star' as TreeStrategy, input), { code: 'TREE_STRATEGY_UNKNOWN' });
  for (const known of TREE_STRATEGIES) t.true(JSON.stringify(error).includes(known));
});

for (const width of [0, -1, 1.5, NaN, 1025]) {
  test(`a width of ${width} is refused`, (t) => {
    const input = { cluster: wholeGroups(1), nodes: ['cn0'], width, isIdle: never };
    t.throws(() => buildTree('topology-aware', input), { code: 'TREE_WIDTH_INVALID' });
  });
}
