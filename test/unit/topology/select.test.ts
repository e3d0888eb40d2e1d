import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { buildTree } from '../../../src/topology/strategies.js';
import { selectNodes } from '../../../src/topology/select.js';
import { wholeGroups } from './clusters.js';

const cluster = wholeGroups(2);

function refusal(run: () => unknown): TeesError {
  try {
    run();
  } catch (error) {
    if (error instanceof TeesError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('a node list gives its nodes in the order written', (t) => {
  t.deepEqual(selectNodes(cluster, 'cn[8-9],cn1'), ['cn8', 'cn9', 'cn1']);
});

test('an unknown node is named, with the near ones and the known ones', (t) => {
  const error = refusal(() => selectNodes(cluster, 'cn[14-17]'));
  t.is(error.code, 'NODE_UNKNOWN');
  t.is(error.node, 'cn16');
  t.is(error.message, 'node cn16 is not in cluster test (nor is 1 more of the list)');
  t.regex(error.hint ?? '', /cn1\b.*cn\[0-15\]/);
  t.true(error.usage);
});

test('the login node is refused', (t) => {
  const error = refusal(() => selectNodes(cluster, 'cn0,login'));
  t.is(error.code, 'NODE_IS_LOGIN');
  t.is(error.node, 'login');
});

for (const text of ['', '  ']) {
  test(`an empty list is refused: "${text}"`, (t) => {
    t.is(refusal(() => selectNodes(cluster, text)).code, 'NODES_EMPTY');
  });
}

test('trees check their nodes themselves', (t) => {
  const build = (...nodes: string[]): unknown =>
    buildTree('topology-aware', { cluster, nodes, width: 15, isIdle: () => false });
  t.is(refusal(() => build('cn99')).code, 'NODE_UNKNOWN');
  t.is(refusal(() => build('login')).code, 'NODE_IS_LOGIN');
  t.is(refusal(() => build('cn1', 'cn1')).code, 'NODE_DUPLICATE');
  t.is(refusal(() => build()).code, 'NODES_EMPTY');
});
