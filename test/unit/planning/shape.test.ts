import test from 'ava';
import fc from 'fast-check';
import { TREE_DEPTH_MAX } from '../../../src/base/limits.js';
import { CostModel } from '../../../src/planning/cost-model.js';
import { chooseTree } from '../../../src/planning/shape.js';
import type { Payload, ShapeRequest } from '../../../src/planning/shape.js';
import type { NetworkCosts } from '../../../src/topology/network.js';
import { SHAPE_NAMES } from '../../../src/topology/shapes.js';
import { buildTree } from '../../../src/topology/strategies.js';
import { clusterOf, computeNodes, situations, wholeGroups } from '../topology/clusters.js';

const GBIT = 1e9 / 8;
const NETWORK: NetworkCosts = {
  latencySeconds: 50e-6,
  hopCostSeconds: 1e-3,
  loginBytesPerSecond: 10 * GBIT,
  uplinkBytesPerSecond: 10 * GBIT,
  groupBytesPerSecond: 10 * GBIT,
};
/** All of it before the command starts. */
const urgent = (bytes: number): Payload => ({ urgentBytes: bytes, totalBytes: bytes });

function request(groups: number, payload: Payload, more: Partial<ShapeRequest> = {}): ShapeRequest {
  const cluster = wholeGroups(groups);
  const input = { cluster, nodes: computeNodes(cluster), width: 15, isIdle: () => false };
  return { shape: 'auto', input, rootWidth: 64, network: NETWORK, payload, ...more };
}

test('paper is Algorithm 1 with the width that was asked for', (t) => {
  fc.assert(
    fc.property(situations(fc.integer({ min: 3, max: 20 })), ({ cluster, nodes, width, idle }) => {
      const input = { cluster, nodes, width, isIdle: (proxy: string) => idle.has(proxy) };
      const { shape, tree } = chooseTree({ ...request(1, urgent(1e6)), shape: 'paper', input });
      t.is(shape, 'paper');
      t.deepEqual(tree, buildTree('topology-aware', input));
    }),
    { numRuns: 50 },
  );
});

test('the smaller the payload, the shallower the tree; the larger, the narrower', (t) => {
  const chosen = [1e4, 1e6, 16e6, 1e9].map((bytes) => chooseTree(request(64, urgent(bytes))).tree);
  const depths = chosen.map(({ depth }) => depth);
  const widths = chosen.map(({ children }) => Math.max(...children.map(({ length }) => length)));
  t.deepEqual(
    depths,
    [...depths].sort((a, b) => a - b),
  );
  t.deepEqual(
    widths,
    [...widths].sort((a, b) => b - a),
  );
  t.is(depths[0], 3);
  t.is(widths.at(-1), 2);
});

test('behind slow uplinks every group hangs below the login node, and nothing leaves a group', (t) => {
  const network = { ...NETWORK, uplinkBytesPerSecond: 0.1 * GBIT };
  const { tree } = chooseTree(request(30, { urgentBytes: 7e6, totalBytes: 334e6 }, { network }));
  t.is(tree.children[0]?.length, 30);
});

test('a slow link of the login node carries one copy', (t) => {
  const network = { ...NETWORK, loginBytesPerSecond: 0.1 * GBIT };
  const { tree } = chooseTree(request(30, { urgentBytes: 7e6, totalBytes: 334e6 }, { network }));
  t.is(tree.children[0]?.length, 1);
});

test('what remains after the urgent part may be waited for: then the way is shorter', (t) => {
  const all = chooseTree(request(8, urgent(1e9)));
  const most = chooseTree(request(8, { urgentBytes: 1e8, totalBytes: 1e9 }));
  t.true(most.tree.depth < all.tree.depth);
});

test('auto is predicted to be as good as any shape by name, within what the model can tell', (t) => {
  for (const bytes of [1e5, 1e7, 1e9]) {
    const auto = chooseTree(request(6, urgent(bytes)));
    for (const shape of SHAPE_NAMES) {
      const named = chooseTree(request(6, urgent(bytes), { shape }));
      t.true(auto.predictedSeconds <= named.predictedSeconds * 1.01, shape);
    }
  }
});

test('of shapes that are as good the shallowest is taken', (t) => {
  // One group behind an uplink that is all that counts.
  const network = { ...NETWORK, uplinkBytesPerSecond: 0.01 * GBIT };
  t.is(chooseTree(request(1, urgent(1e9), { network })).tree.depth, 2);
});

test('the prediction is that of the tree', (t) => {
  const each = request(5, { urgentBytes: 1e6, totalBytes: 1e8 });
  const { tree, predictedSeconds } = chooseTree(each);
  t.is(predictedSeconds, new CostModel(each.input.cluster, NETWORK).predict(tree)(1e8));
});

test('auto keeps to the widths and to the depth that a tree may have', (t) => {
  fc.assert(
    fc.property(
      situations(fc.integer({ min: 3, max: 20 })),
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 1e9 }),
      ({ cluster, nodes, width, idle }, rootWidth, bytes) => {
        const input = { cluster, nodes, width, isIdle: (proxy: string) => idle.has(proxy) };
        const { tree } = chooseTree({ ...request(1, urgent(bytes)), input, rootWidth });
        const [root, ...others] = tree.children.map(({ length }) => length);
        // The paper's shape has one width.
        t.true((root as number) <= Math.max(width, rootWidth));
        t.true(Math.max(0, ...others) <= width);
        t.true(tree.depth <= TREE_DEPTH_MAX);
        t.deepEqual([...tree.names].sort(), ['login', ...nodes, ...tree.borrowed].sort());
      },
    ),
    { numRuns: 100 },
  );
});

test('17,560 nodes are planned', (t) => {
  const startedMs = performance.now();
  const { shape, tree } = chooseTree(request(2195, { urgentBytes: 16e6, totalBytes: 333e6 }));
  t.log(`${(performance.now() - startedMs).toFixed(0)} ms, ${shape}, depth ${tree.depth}`);
  t.is(new Set(tree.names).size, 17_561);
});

test('an unknown shape is refused with the known ones', (t) => {
  const error = t.throws(() => chooseTree(request(1, urgent(1), { shape: 'round' })), {
    code: 'TREE_SHAPE_UNKNOWN',
  });
  for (const known of ['auto', ...SHAPE_NAMES]) t.true(JSON.stringify(error).includes(known));
});

test('a tree that would be too deep is refused', (t) => {
  const cluster = clusterOf([TREE_DEPTH_MAX + 1]);
  const input = { cluster, nodes: computeNodes(cluster), width: 1, isIdle: () => false };
  t.throws(() => chooseTree(request(1, urgent(1), { input, rootWidth: 1 })), { code: 'TREE_TOO_DEEP' });
});
