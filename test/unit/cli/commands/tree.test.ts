import test from 'ava';
import type { TreeRecord } from '../../../../src/topology/render.js';
import { EXAMPLE, tees } from './tees.js';

const tree = (...args: string[]) => tees('tree', '--config', EXAMPLE, ...args);

test('tree draws the tree for a node list', (t) => {
  const { status, stdout, stderr } = tree('--nodes', 'cn[0-15]', '--shape', 'paper');
  t.is(stderr, '');
  t.is(status, 0);
  t.is(
    stdout,
    [
      '16 nodes, depth 2 (topology-aware, shape paper, width 15)',
      'nodes on each level: 2, 14',
      'for 336 MB, 16.8 MB urgent: predicted 1.88 s, bound 0.27 s',
      '',
      'login',
      '├─ cn0 → cn[1-7]',
      '└─ cn8 → cn[9-15]',
      '',
    ].join('\n'),
  );
});

test('tree chooses the shape by what travels', (t) => {
  const shapeFor = (bytes: string): string | undefined =>
    /shape (\S+),/.exec(tree('--nodes', 'cn[0-15]', '--bytes', bytes, '--urgent-bytes', bytes).stdout)?.[1];
  t.is(shapeFor('4KiB'), 'paper');
  t.is(shapeFor('1GiB'), '1-1-1+any');
});

test('tree --json gives facts, with the width and strategy that were asked for', (t) => {
  const { status, stdout } = tree('--nodes', 'cn[0-15]', '--width', '3', '--strategy', 'random', '--json');
  t.is(status, 0);
  const record = JSON.parse(stdout) as TreeRecord & {
    width: number;
    strategy: string;
    predicted: number;
    bound: number;
  };
  t.is(record.width, 3);
  t.is(record.strategy, 'random');
  t.true(record.predicted >= record.bound);
  t.is(record.nodes.length, 16);
});

test('tree --dot is for Graphviz', (t) => {
  const { status, stdout } = tree('--nodes', 'cn0', '--dot');
  t.is(status, 0);
  t.regex(stdout, /^digraph tree \{[^]*"login" -> "cn0";\n\}\n$/);
});

test('tree --busy names proxy nodes that cannot be borrowed', (t) => {
  t.regex(tree('--nodes', 'cn[1-7]', '--shape', 'paper').stdout, /cn0 \(borrowed\) → cn\[1-7\]/);
  t.regex(
    tree('--nodes', 'cn[1-7]', '--busy', 'cn0', '--shape', 'paper').stdout,
    /cn1 \(orphan\) → cn\[2-7\] \(orphans\)/,
  );
});

test('--nodes may be given several times', (t) => {
  t.regex(tree('--nodes', 'cn0', '--nodes', 'cn8', '--shape', 'paper').stdout, /^2 nodes, depth 1 /);
});

for (const [what, args, code] of [
  ['an unknown node', ['--nodes', 'cn[0-16]'], 'NODE_UNKNOWN'],
  ['a duplicate node', ['--nodes', 'cn0,cn0'], 'NODE_DUPLICATE'],
  ['the login node', ['--nodes', 'login'], 'NODE_IS_LOGIN'],
  ['an empty list', ['--nodes', ''], 'NODES_EMPTY'],
  ['a malformed list', ['--nodes', 'cn[0-'], 'HOSTLIST_MALFORMED'],
  ['a width of 0', ['--nodes', 'cn0', '--width', '0'], 'TREE_WIDTH_INVALID'],
  ['a width that is no number', ['--nodes', 'cn0', '--width', 'wide'], 'TREE_WIDTH_INVALID'],
  ['an unknown shape', ['--nodes', 'cn0', '--shape', 'round'], 'TREE_SHAPE_UNKNOWN'],
  ['a size that is none', ['--nodes', 'cn0', '--bytes', 'much'], 'SIZE_INVALID'],
  ['an unknown strategy', ['--nodes', 'cn0', '--strategy', 'star'], 'USAGE'],
  ['JSON and DOT at once', ['--nodes', 'cn0', '--json', '--dot'], 'USAGE'],
  ['no node list', [], 'USAGE'],
] as const) {
  test(`tree refuses ${what} with status 2`, (t) => {
    const { status, stdout, stderr } = tree(...args);
    t.is(status, 2);
    t.is(stdout, '');
    t.true(stderr.startsWith(`tees: ${code}: `), stderr);
  });
}
