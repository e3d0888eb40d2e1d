import test from 'ava';
import fc from 'fast-check';
import { Planting } from '../../../src/topology/planting.js';
import type { PlantedNode } from '../../../src/topology/planting.js';
import { topologyAware } from '../../../src/topology/topology-aware.js';
import { makeCluster } from '../../../src/topology/cluster.js';

const PROXY = /^g\d+n0$/;

/** Groups of `size` nodes g0n0, g0n1, …; the first of each is its proxy node. */
function plant(groups: number, size: number, width: number): Planting {
  const cluster = makeCluster({
    name: 'test',
    login: 'login',
    groups: Array.from({ length: groups }, (_, g) => ({
      name: `g${g}`,
      proxy: `g${g}n0`,
      slaves: Array.from({ length: size - 1 }, (_, n) => `g${g}n${n + 1}`),
    })),
  });
  const nodes = [...cluster.nodes.keys()].filter((name) => name !== 'login');
  const tree = topologyAware({ cluster, nodes, width, isIdle: () => false });
  return new Planting({
    tree,
    width,
    groupOf: (node) => cluster.nodes.get(node)?.group ?? '',
    isProxy: (node) => PROXY.test(node),
  });
}

function flat(nodes: readonly PlantedNode[]): PlantedNode[] {
  return nodes.flatMap((node) => [node, ...flat(node.children)]);
}

const names = (nodes: readonly PlantedNode[]): string[] => nodes.map(({ name }) => name).sort();

test('the slaves of a proxy node that is away go below one of them, which stands in for it', (t) => {
  const planting = plant(2, 4, 15);
  t.true(planting.away('g0n0'));
  t.is(planting.epoch, 1);
  const planted = planting.planted();
  t.deepEqual(names(planted), ['g0n0', 'g0n1', 'g1n0']);
  const [away, standIn] = ['g0n0', 'g0n1'].map((name) => planted.find((node) => node.name === name));
  t.deepEqual(away?.children, []);
  t.deepEqual(names(standIn?.children ?? []), ['g0n2', 'g0n3']);
  t.deepEqual(planting.pathTo('g0n3'), ['login', 'g0n1', 'g0n3']);
});

test('who comes back is put nobody below again, and may be later', (t) => {
  const planting = plant(1, 3, 15);
  planting.away('g0n0');
  t.false(planting.away('g0n0'), 'it is known');
  planting.back('g0n0');
  planting.away('g0n1');
  t.deepEqual(planting.pathTo('g0n2'), ['login', 'g0n0', 'g0n2']);
});

test('a whole group that is away: each goes to whoever can be reached', (t) => {
  const planting = plant(2, 3, 15);
  for (const name of ['g0n0', 'g0n1', 'g0n2']) planting.away(name);
  for (const name of ['g0n0', 'g0n1', 'g0n2']) t.is(planting.pathTo(name).length, 2, name);
});

test('a lost node is no member any more, and another one can take its place', (t) => {
  const planting = plant(2, 3, 15);
  t.true(planting.lost('g1n0'));
  t.false(planting.lost('g1n0'));
  t.false(planting.has('g1n0'));
  t.deepEqual(planting.below('g1n0'), []);
  planting.add('g1n0');
  t.true(planting.runs('g1n0'));
  t.is(planting.pathTo('g1n0').at(-2), 'g1n1', 'its own group has a stand-in');
});

test('a slow proxy node goes below one of its slaves, which carries the others', (t) => {
  const planting = plant(2, 4, 15);
  t.is(planting.demote('g0n0'), undefined, 'nobody below it has begun');
  for (const name of ['g0n1', 'g0n2', 'g0n3']) planting.heard(name);
  t.is(planting.demote('g0n0'), 'g0n1');
  t.is(planting.epoch, 1);
  for (const name of ['g0n0', 'g0n2', 'g0n3']) t.deepEqual(planting.pathTo(name), ['login', 'g0n1', name]);
  t.is(planting.demote('g0n1'), undefined, 'a group may be slow as a whole');
});

test('nobody is put below a slow node, and who is away takes no place', (t) => {
  const planting = plant(1, 4, 15);
  for (const name of ['g0n1', 'g0n2', 'g0n3']) planting.heard(name);
  planting.away('g0n1');
  t.is(planting.demote('g0n0'), 'g0n2');
  planting.away('g0n2');
  t.is(planting.pathTo('g0n3').length, 2);
  t.deepEqual(planting.pathTo('g0n0'), ['login', 'g0n3', 'g0n0']);
});

test('what has been heard of travels with the tree', (t) => {
  const planting = plant(1, 2, 15);
  planting.heard('g0n1');
  t.deepEqual(
    flat(planting.planted()).map(({ name, known }) => [name, known]),
    [
      ['g0n0', false],
      ['g0n1', true],
    ],
  );
});

test('whatever happens in whatever order, it stays a tree of everybody who is not lost', (t) => {
  const event = fc.record({
    kind: fc.constantFrom('away', 'back', 'lost', 'heard', 'slow'),
    node: fc.nat(10_000),
  });
  fc.assert(
    fc.property(
      fc.record({ groups: fc.integer({ min: 1, max: 6 }), size: fc.integer({ min: 1, max: 9 }) }),
      fc.integer({ min: 1, max: 15 }),
      fc.array(event, { maxLength: 40 }),
      ({ groups, size }, width, events) => {
        const planting = plant(groups, size, width);
        const all = planting.names;
        const present = new Set(all);
        const away = new Set<string>();
        for (const { kind, node } of events) {
          const name = all[node % all.length] as string;
          const before = planting.epoch;
          if (kind === 'away') planting.away(name);
          else if (kind === 'back') planting.back(name);
          else if (kind === 'heard') planting.heard(name);
          else if (kind === 'slow') planting.demote(name);
          else planting.lost(name);
          if (kind === 'away') away.add(name);
          else if (kind === 'back' || kind === 'lost') away.delete(name);
          if (kind === 'lost') present.delete(name);
          const planted = flat(planting.planted());
          t.deepEqual(names(planted), [...present].sort());
          t.true(planting.epoch >= before);
          // Nobody has a parent that cannot be reached.
          for (const member of planted) if (away.has(member.name)) t.deepEqual(member.children, []);
          for (const { children } of planted) t.true(children.length <= width);
        }
      },
    ),
    { numRuns: 300 },
  );
});
