import test from 'ava';
import { TreePlan } from '../../../src/login/tree-plan.js';
import type { TreePlanOptions } from '../../../src/login/tree-plan.js';
import { wholeGroups } from '../topology/clusters.js';

const NETWORK = {
  latencySeconds: 50e-6,
  hopCostSeconds: 1e-3,
  loginBytesPerSecond: 1e9,
  uplinkBytesPerSecond: 1e9,
  groupBytesPerSecond: 1e9,
};
const PAYLOAD = { urgentBytes: 1e6, totalBytes: 1e9 };
/** More than half of both groups, without their proxy nodes. */
const NODES = ['cn1', 'cn2', 'cn3', 'cn5', 'cn6', 'cn7'];

function plan(more: Partial<TreePlanOptions> & { isIdle?: (proxy: string) => boolean } = {}): TreePlan {
  const { isIdle = () => true, ...options } = more;
  return new TreePlan({
    strategy: 'topology-aware',
    input: { cluster: wholeGroups(2, 4), nodes: NODES, width: 15, isIdle },
    shape: 'auto',
    rootWidth: 64,
    network: NETWORK,
    answers: () => Promise.resolve(true),
    onTree: () => {},
    ...options,
  });
}

test('who is in the tree is said at once, and holds for every shape', async (t) => {
  for (const shape of ['auto', 'paper', '1-1-1+any']) {
    const said: (readonly string[])[] = [];
    const planned = plan({ shape, onTree: (members) => said.push(members) });
    t.is(said.length, 1);
    const { tree } = await planned.tree(PAYLOAD);
    t.deepEqual([...(said[0] ?? [])].sort(), tree.names.slice(1).sort());
    t.is(said.length, 1);
  }
});

test('a proxy node that does not answer is not borrowed', async (t) => {
  const { tree } = await plan({ answers: (proxy) => Promise.resolve(proxy !== 'cn0') }).tree(PAYLOAD);
  t.deepEqual(tree.borrowed, ['cn4']);
  t.deepEqual([...tree.names].sort(), ['cn4', 'login', ...NODES].sort());
});

test('a proxy node that has become idle since is not borrowed: nobody has asked it', async (t) => {
  const idle = new Set(['cn4']);
  const planned = plan({ isIdle: (proxy) => idle.has(proxy) });
  idle.add('cn0');
  t.deepEqual((await planned.tree(PAYLOAD)).tree.borrowed, ['cn4']);
});

test('the shape is chosen by what travels', async (t) => {
  const small = await plan().tree({ urgentBytes: 1e4, totalBytes: 1e4 });
  const large = await plan().tree({ urgentBytes: 1e9, totalBytes: 1e9 });
  t.true(small.tree.depth < large.tree.depth);
});

test('another strategy is its own shape', async (t) => {
  const { shape, tree, predictedSeconds } = await plan({ strategy: 'one-to-all' }).tree(PAYLOAD);
  t.is(shape, 'one-to-all');
  t.is(tree.depth, 1);
  t.true(predictedSeconds > 6);
});

test('what is wrong is said before anything is sent', (t) => {
  t.throws(() => plan({ shape: 'round' }), { code: 'TREE_SHAPE_UNKNOWN' });
});
