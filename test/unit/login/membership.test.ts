import test from 'ava';
import type { TeesError } from '../../../src/base/errors.js';
import { Membership, lossSettings } from '../../../src/login/membership.js';
import type { LossSettings } from '../../../src/login/membership.js';
import type { PlantedNode } from '../../../src/topology/planting.js';
import { buildTree } from '../../../src/topology/strategies.js';
import { makeCluster } from '../../../src/topology/cluster.js';

const CLUSTER = makeCluster({
  name: 'test',
  login: 'login',
  groups: [
    { name: 'g0', proxy: 'cn0', slaves: ['cn1', 'cn2', 'cn3'] },
    { name: 'g1', proxy: 'cn4', slaves: ['cn5', 'cn6', 'cn7'] },
  ],
});
const REASON = { code: 'LINK_LOST', message: 'it is gone' };

interface Seen {
  readonly membership: Membership;
  readonly trees: (readonly PlantedNode[])[];
  readonly warnings: string[];
  readonly failures: TeesError[];
}

/** @param nodes of the job; cn4 is borrowed when it is not among them */
function start(settings: LossSettings, nodes = ['cn0', 'cn1', 'cn2', 'cn5', 'cn6', 'cn7']): Seen {
  const tree = buildTree('topology-aware', { cluster: CLUSTER, nodes, width: 15, isIdle: () => true });
  const seen = {
    trees: [] as (readonly PlantedNode[])[],
    warnings: [] as string[],
    failures: [] as TeesError[],
  };
  const membership = new Membership(
    {
      ...settings,
      tree,
      nodes,
      width: 15,
      groupOf: (node) => CLUSTER.nodes.get(node)?.group ?? '',
      isProxy: (node) => CLUSTER.nodes.get(node)?.role === 'proxy',
      now: () => 12.345,
    },
    {
      replant: (_epoch, subtrees) => void seen.trees.push(subtrees),
      warn: (text) => void seen.warnings.push(text),
      fail: (error) => void seen.failures.push(error),
    },
  );
  return { membership, ...seen };
}

function parents(nodes: readonly PlantedNode[], parent = 'login'): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, children } of nodes) Object.assign(found, { [name]: parent }, parents(children, name));
  return found;
}

test('stop: a lost node fails the job; those below it get another parent first, who tells them its end', (t) => {
  const { membership, failures, trees } = start({ policy: 'stop', spares: [] });
  for (const node of ['cn0', 'cn1', 'cn2']) membership.heard(node);
  membership.lose('cn0', REASON);
  t.is(failures[0]?.code, 'LINK_LOST');
  t.deepEqual(membership.lost, ['cn0']);
  t.deepEqual(Object.keys(parents(trees.at(-1) ?? [])).sort(), ['cn1', 'cn2', 'cn4', 'cn5', 'cn6', 'cn7']);
  t.like(membership.losses[0], { node: 'cn0', at: 12.345, path: ['login', 'cn0'] });
});

test('stop: those below a lost node that have not been heard of need not begin, and are lost with it', (t) => {
  const { membership, trees } = start({ policy: 'stop', spares: [] });
  membership.heard('cn2');
  membership.lose('cn0', REASON);
  t.deepEqual(membership.lost, ['cn0', 'cn1']);
  t.deepEqual(Object.keys(parents(trees.at(-1) ?? [])).sort(), ['cn2', 'cn4', 'cn5', 'cn6', 'cn7']);
});

test('stop: those who had got another parent before are not lost', (t) => {
  const { membership, failures } = start({ policy: 'stop', spares: [] });
  membership.away('cn0');
  membership.lose('cn0', REASON);
  t.is(failures.length, 1);
  t.deepEqual(membership.lost, ['cn0']);
});

test('continue: the job goes on without it, says so, and those below it get another parent', (t) => {
  const { membership, trees, warnings, failures } = start({ policy: 'continue', spares: [] });
  membership.lose('cn0', REASON);
  t.deepEqual(failures, []);
  t.deepEqual(warnings, [
    'cn0 is lost after 12.3 s (login > cn0): LINK_LOST: it is gone; the job goes on without it',
  ]);
  t.deepEqual(membership.present, ['cn1', 'cn2', 'cn5', 'cn6', 'cn7']);
  t.like(parents(trees.at(-1) ?? []), { cn1: 'login', cn2: 'cn1', cn5: 'cn4' });
  membership.lose('cn0', REASON);
  t.is(warnings.length, 1, 'it is lost once');
});

test('continue: when nobody is left the job fails', (t) => {
  const { membership, failures } = start({ policy: 'continue', spares: [] }, ['cn0', 'cn1']);
  membership.lose('cn0', REASON);
  t.deepEqual(failures, []);
  membership.lose('cn1', REASON);
  t.is(failures.length, 1);
});

test('replace: spares take the places of lost nodes in their order, and then there is none any more', (t) => {
  const { membership, trees, warnings } = start({ policy: 'replace', spares: ['cn3'] });
  membership.lose('cn5', REASON);
  t.deepEqual(membership.nodes, ['cn0', 'cn1', 'cn2', 'cn5', 'cn6', 'cn7', 'cn3']);
  t.is(membership.losses[0]?.replacement, 'cn3');
  t.is(parents(trees.at(-1) ?? [])['cn3'], 'cn0', 'its own proxy node');
  membership.lose('cn6', REASON);
  t.regex(warnings[1] ?? '', /goes on without it/);
});

test("replace: a spare that is in the tree already takes nobody's place", (t) => {
  const { membership } = start({ policy: 'replace', spares: ['cn4', 'cn3'] });
  membership.lose('cn5', REASON);
  t.is(membership.losses[0]?.replacement, 'cn3');
});

for (const policy of ['stop', 'replace'] as const) {
  test(`${policy}: a borrowed node that is lost changes nothing but the tree`, (t) => {
    const spares = policy === 'replace' ? ['cn3'] : [];
    const { membership, trees, failures } = start({ policy, spares });
    membership.lose('cn4', REASON);
    t.deepEqual(failures, []);
    t.deepEqual(membership.present, ['cn0', 'cn1', 'cn2', 'cn5', 'cn6', 'cn7']);
    t.like(parents(trees.at(-1) ?? []), { cn5: 'login', cn6: 'cn5', cn7: 'cn5' });
  });
}

test('a slow node stays in the job below one that takes its place, which is said', (t) => {
  const { membership, trees, warnings } = start({ policy: 'stop', spares: [] });
  for (const node of ['cn0', 'cn1', 'cn2']) membership.heard(node);
  membership.slow('cn0');
  t.like(parents(trees.at(-1) ?? []), { cn1: 'login', cn0: 'cn1', cn2: 'cn1', cn4: 'login' });
  t.deepEqual(warnings, [
    'cn0 passes on far less than others (login > cn0): cn1 takes its place in the tree',
  ]);
  t.deepEqual(membership.lost, []);
  membership.slow('cn1');
  membership.slow('cn9');
  t.is(trees.length, 1, 'once a group');
});

test('of a job that is ending a loss is only told', (t) => {
  const { membership, failures, warnings } = start({ policy: 'stop', spares: [] });
  membership.end();
  t.deepEqual(membership.lose('cn0', REASON), REASON);
  t.deepEqual([failures, warnings], [[], []]);
});

test('of a job that is ending a loss that its policy allows is no error, and nobody is replaced', (t) => {
  for (const loss of [
    { policy: 'continue', spares: [] },
    { policy: 'replace', spares: ['cn9'] },
  ] as const) {
    const { membership, failures, warnings } = start(loss);
    membership.end();
    for (const node of [...membership.nodes]) t.is(membership.lose(node, REASON), undefined);
    t.deepEqual(failures, []);
    t.is(warnings.length, membership.nodes.length);
    t.regex(warnings[0] ?? '', /^cn0 is lost after .*; the job was ending$/);
  }
});

test('an unknown policy, and spares that belong to none, are refused with what is known', (t) => {
  t.like(
    t.throws(() => lossSettings('ignore', [])),
    {
      code: 'LOSS_POLICY_UNKNOWN',
      hint: 'Known policies: stop, continue, replace',
    },
  );
  for (const [policy, spares] of [
    ['replace', []],
    ['stop', ['cn1']],
  ] as const)
    t.throws(() => lossSettings(policy, spares), { code: 'SPARES_INVALID' });
});
