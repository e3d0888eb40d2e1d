/** What holds for every shape of the table, on random clusters. */
import test from 'ava';
import fc from 'fast-check';
import { divide } from '../../../src/topology/division.js';
import { shapedTree } from '../../../src/topology/shaped.js';
import { SHAPES, SHAPE_NAMES, fitShape } from '../../../src/topology/shapes.js';
import type { Shape } from '../../../src/topology/shapes.js';
import type { Tree } from '../../../src/topology/tree.js';
import { situations, wholeGroups } from './clusters.js';
import type { Situation } from './clusters.js';

interface Case {
  readonly situation: Situation;
  readonly shape: Shape;
  readonly tree: Tree;
  readonly edges: readonly { readonly parent: string; readonly child: string }[];
  readonly groupOf: (name: string) => string | undefined;
}

const rootWidths = fc.integer({ min: 1, max: 64 });

function property(title: string, check: (each: Case) => boolean): void {
  test(title, (t) => {
    fc.assert(
      fc.property(
        situations(fc.integer({ min: 1, max: 20 })),
        fc.constantFrom(...SHAPES),
        rootWidths,
        (situation, row, rootWidth) => {
          const { cluster, nodes, width, idle } = situation;
          const shape = fitShape(row, width, rootWidth);
          if (!shape) return width === 1;
          const division = divide(cluster, nodes, (proxy) => idle.has(proxy));
          const tree = shapedTree('login', division, shape);
          const edges = tree.names.slice(1).map((child, i) => {
            return { child, parent: tree.names[tree.parents[i + 1] as number] as string };
          });
          const groupOf = (name: string): string | undefined => cluster.nodes.get(name)?.group;
          return check({ situation, shape, tree, edges, groupOf });
        },
      ),
      { numRuns: 400 },
    );
    t.pass();
  });
}

property('every node stands in the tree once, with the borrowed ones', ({ situation, tree }) => {
  const expected = ['login', ...situation.nodes, ...tree.borrowed].sort();
  return JSON.stringify([...tree.names].sort()) === JSON.stringify(expected);
});

property('the bytes enter each group once, through its proxy node if that is in the tree', (each) => {
  const { edges, groupOf, tree, situation } = each;
  const entries = edges.filter(({ parent, child }) => groupOf(parent) !== groupOf(child));
  const inTree = new Set(tree.names);
  return (
    new Set(entries.map(({ child }) => groupOf(child))).size === entries.length &&
    entries.every(({ child }) => {
      const { proxy } = situation.cluster.groups.find(({ name }) => name === groupOf(child)) ?? {};
      return child === proxy || !inTree.has(proxy ?? '');
    })
  );
});

property('no uplink carries out more than the shape says', ({ edges, groupOf, shape }) => {
  const out = new Map<string, number>();
  for (const { parent, child } of edges) {
    const group = groupOf(parent);
    if (group !== undefined && group !== groupOf(child)) out.set(group, (out.get(group) ?? 0) + 1);
  }
  return [...out.values()].every((count) => count <= shape.proxyWidth);
});

property('no node has more children than the width allows, the login node not more than its own', (each) => {
  const { tree, shape, situation } = each;
  const [root, ...others] = tree.children.map((children) => children.length);
  return (root as number) <= shape.rootWidth && Math.max(0, ...others) <= situation.width;
});

property('a node has no more nodes of its group below it than the shape says', (each) => {
  const { tree, groupOf, shape } = each;
  return tree.names.every((name, i) => {
    const children = (tree.children[i] ?? []).map((child) => tree.names[child] as string);
    return children.filter((child) => groupOf(child) === groupOf(name)).length <= shape.groupWidth;
  });
});

property('where proxy nodes carry, nobody else of a group with its proxy node does', (each) => {
  const { edges, groupOf, shape, situation, tree } = each;
  const orphans = new Set(tree.orphans);
  const isProxy = (name: string): boolean => situation.cluster.nodes.get(name)?.role !== 'slave';
  return (
    shape.carrier === 'any' ||
    edges.every(
      ({ parent, child }) => groupOf(parent) === groupOf(child) || isProxy(parent) || orphans.has(parent),
    )
  );
});

test('shapes have different names', (t) => {
  t.is(new Set(SHAPE_NAMES).size, SHAPE_NAMES.length);
});

test('a chain of all nodes goes through one group after the other', (t) => {
  const chain = SHAPES.find(({ name }) => name === '1-1-1+any') as Shape;
  const cluster = wholeGroups(2, 3);
  const nodes = ['cn0', 'cn1', 'cn2', 'cn3', 'cn4', 'cn5'];
  const tree = shapedTree(
    'login',
    divide(cluster, nodes, () => false),
    chain,
  );
  t.deepEqual(tree.names, ['login', ...nodes]);
  t.is(tree.depth, 6);
});

test('proxy nodes in a binary tree have their slave nodes in chains', (t) => {
  const shape = SHAPES.find(({ name }) => name === '2-2-1') as Shape;
  const cluster = wholeGroups(3, 3);
  const nodes = [...cluster.nodes.keys()].slice(1);
  const tree = shapedTree(
    'login',
    divide(cluster, nodes, () => false),
    shape,
  );
  const below = (name: string): string[] =>
    (tree.children[tree.names.indexOf(name)] ?? []).map((child) => tree.names[child] as string);
  t.deepEqual(below('login'), ['cn0', 'cn3']);
  t.deepEqual(below('cn0'), ['cn6', 'cn1']);
  t.deepEqual(below('cn1'), ['cn2']);
  t.deepEqual(below('cn2'), []);
});
