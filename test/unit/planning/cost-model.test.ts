import test from 'ava';
import fc from 'fast-check';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { CostModel, lowerBound } from '../../../src/planning/cost-model.js';
import { divide } from '../../../src/topology/division.js';
import type { NetworkCosts } from '../../../src/topology/network.js';
import { shapedTree } from '../../../src/topology/shaped.js';
import { SHAPES, fitShape } from '../../../src/topology/shapes.js';
import { TREE_STRATEGIES, buildTree } from '../../../src/topology/strategies.js';
import type { Tree } from '../../../src/topology/tree.js';
import { computeNodes, situations, wholeGroups } from '../topology/clusters.js';
import type { Situation } from '../topology/clusters.js';

const rate = fc.integer({ min: 1e5, max: 1e11 });
const NETWORKS: fc.Arbitrary<NetworkCosts> = fc.record({
  latencySeconds: fc.double({ min: 0, max: 0.1, noNaN: true }),
  hopCostSeconds: fc.double({ min: 0, max: 0.1, noNaN: true }),
  loginBytesPerSecond: rate,
  uplinkBytesPerSecond: rate,
  groupBytesPerSecond: rate,
});
const BYTES = fc.oneof(fc.integer({ min: 0, max: 2 * CHUNK_SIZE_BYTES }), fc.integer({ min: 0, max: 1e12 }));
const WIDTHS = fc.integer({ min: 1, max: 20 });
/** A strategy, or a row of the table of shapes. */
const BUILDERS = fc.oneof(fc.constantFrom(...TREE_STRATEGIES), fc.constantFrom(...SHAPES));

function build({ cluster, nodes, width, idle }: Situation, how: (typeof SHAPES)[number] | string): Tree {
  const isIdle = (proxy: string): boolean => idle.has(proxy);
  const shape = typeof how === 'string' ? undefined : fitShape(how, width, 64);
  if (shape) return shapedTree('login', divide(cluster, nodes, isIdle), shape);
  const strategy = TREE_STRATEGIES.find((name) => name === how) ?? 'topology-aware';
  return buildTree(strategy, { cluster, nodes, width, isIdle });
}

test('no tree is predicted to beat the bound', (t) => {
  fc.assert(
    fc.property(situations(WIDTHS), BUILDERS, NETWORKS, BYTES, (situation, how, network, bytes) => {
      const predicted = new CostModel(situation.cluster, network).predict(build(situation, how))(bytes);
      // Sums of many terms round otherwise than one product.
      return predicted * (1 + 1e-9) >= lowerBound(network, situation.nodes.length, bytes);
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test('more bytes never take less time', (t) => {
  fc.assert(
    fc.property(situations(WIDTHS), BUILDERS, NETWORKS, BYTES, BYTES, (situation, how, network, a, b) => {
      const secondsFor = new CostModel(situation.cluster, network).predict(build(situation, how));
      return secondsFor(Math.min(a, b)) <= secondsFor(Math.max(a, b)) * (1 + 1e-9);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

/** A unit takes a second over a group's uplink, a quarter over the other links. */
const UNIT = CHUNK_SIZE_BYTES;
const NETWORK: NetworkCosts = {
  latencySeconds: 0.01,
  hopCostSeconds: 0.1,
  loginBytesPerSecond: 4 * UNIT,
  uplinkBytesPerSecond: UNIT,
  groupBytesPerSecond: 4 * UNIT,
};

function near(actual: number, expected: number): boolean {
  return Math.abs(actual - expected) < 1e-9;
}

/** In whole groups of four below the login node. */
function seconds(groups: number, shape: string, units: number): number {
  const cluster = wholeGroups(groups, 4);
  const division = divide(cluster, computeNodes(cluster), () => false);
  const row = SHAPES.find(({ name }) => name === shape);
  const fitted = row && fitShape(row, 15, 64);
  if (!fitted) throw new Error(shape);
  return new CostModel(cluster, NETWORK).predict(shapedTree('login', division, fitted))(units * UNIT);
}

test('a group below the login node: one unit over the uplink, then in the group', (t) => {
  // The proxy node after 0.01 + 0.1 + 1, its third child after another 0.03 + 0.1 + 3 · 0.25.
  t.true(near(seconds(1, 'wide-2-wide', 1), 1.11 + 0.88));
  // In a chain of three, each hop takes 0.01 + 0.1 + 0.25.
  t.true(near(seconds(1, 'wide-2-1', 1), 1.11 + 3 * 0.36));
});

test('the rest of the payload comes at the rate of the narrowest place', (t) => {
  t.true(near(seconds(1, 'wide-2-1', 11), 1.11 + 3 * 0.36 + 10));
});

test('the login node’s link is shared by its children', (t) => {
  // Eight groups at half a unit a second each; the last one is served eighth.
  t.true(near(seconds(8, 'wide-2-1', 11), 0.08 + 0.1 + 2 + 3 * 0.36 + 20));
});

test('an uplink is shared by what crosses it in one direction', (t) => {
  // The second and third group are below the first, whose uplink carries two copies out.
  const predicted = seconds(3, '1-2-wide', 11);
  // First proxy: 1.11; then two seconds a unit to the second child's group, and in that three slave nodes at 0.25 each.
  t.true(near(predicted, 1.11 + (0.02 + 0.1 + 2) + (0.03 + 0.1 + 0.75) + 20));
});

test('less than a unit takes less than a unit', (t) => {
  t.true(near(seconds(1, 'wide-2-1', 0.5), 0.11 + 0.5 + 3 * (0.11 + 0.125)));
  t.true(near(seconds(1, 'wide-2-1', 0), 0.11 + 3 * 0.11));
});

test('the bound is that of the narrowest link, or the rounds in which all hear of the job', (t) => {
  t.is(lowerBound(NETWORK, 8, 10 * UNIT), 10);
  t.is(lowerBound({ ...NETWORK, loginBytesPerSecond: UNIT / 2 }, 8, 10 * UNIT), 20);
  t.is(lowerBound({ ...NETWORK, groupBytesPerSecond: UNIT / 4 }, 8, 10 * UNIT), 40);
  t.true(near(lowerBound(NETWORK, 7, 1), 0.03));
  t.true(near(lowerBound(NETWORK, 8, 1), 0.04));
});
