/** `tees probe` over real daemons: what has failed is named by its path and reason, and who is alive behind it. */
import { startCluster } from '../../../src/emulator/cluster.js';
import type { ProbeFacts } from '../../../src/wire/probe-question.js';
import { brokenClusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { tees } from '../../support/tees.js';

const OPTIONS = { groups: 2, groupSize: 4, uplink: '40mbit', restart: false };
const probeTest = brokenClusterTests(OPTIONS, {});
const WRONG_KEY_DAEMON = new URL('../../support/daemon-with-wrong-key.js', import.meta.url).pathname;

interface Outcome {
  readonly status: number;
  readonly facts: ProbeFacts;
}

async function probe(t: Test, nodes: string, ...options: string[]): Promise<Outcome> {
  const words = ['probe', '--cluster', t.context.cluster.stateDirectory, '--nodes', nodes, '--json'];
  const { status, stdout, stderr } = await tees([...words, ...options]);
  t.not(stdout, '', stderr);
  return { status, facts: JSON.parse(stdout) as ProbeFacts };
}

const aliveBelow = ({ failures }: ProbeFacts): string[] =>
  failures
    .flatMap(({ below }) => below)
    .filter(({ answers }) => answers)
    .map(({ node }) => node);

probeTest('all is well: every hop, soon, and nothing is left on a node', async (t) => {
  const { status, facts } = await probe(t, 'cn[0-7]', '--timeout', '30s');
  t.is(status, 0);
  t.true(facts.ok);
  t.deepEqual(
    facts.hops.map(({ node }) => node).sort(),
    [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `cn${i}`),
  );
  t.like(
    facts.hops.find(({ node }) => node === 'cn5'),
    { parent: 'cn4', level: 2, group: 'g1' },
  );
  for (const { roundTrip, connect = 0 } of facts.hops) {
    t.true(roundTrip.min > 0 && roundTrip.min <= roundTrip.median && roundTrip.median <= roundTrip.max);
    t.true(connect > 0, 'by a new link');
  }
  t.true(facts.took < 15);
  const again = await probe(t, 'cn[0-7]');
  t.true(again.facts.hops.every(({ connect }) => connect === undefined));
  t.deepEqual(await remainsAfterAWhile(t.context.cluster), []);
});

probeTest('a proxy node whose daemon is dead: told at once, and its slaves are alive', async (t) => {
  await t.context.cluster.signalNode('cn4', 'SIGKILL');
  const { status, facts } = await probe(t, 'cn[0-7]', '--timeout', '30s');
  t.is(status, 1);
  t.true(facts.took < 15, 'nobody waits for the time-out');
  t.is(facts.answered, 4);
  t.is(facts.failures.length, 1);
  t.like(facts.failures[0], { node: 'cn4', path: ['login', 'cn4'], code: 'NODE_UNREACHABLE' });
  t.deepEqual(aliveBelow(facts), ['cn5', 'cn6', 'cn7']);
});

probeTest('a frozen slave is silent, and after a first probe too; others answer', async (t) => {
  const { cluster } = t.context;
  await cluster.signalNode('cn2', 'SIGSTOP');
  const first = await probe(t, 'cn[0-7]', '--timeout', '1s');
  await cluster.signalNode('cn2', 'SIGCONT');
  t.true((await probe(t, 'cn[0-7]', '--timeout', '30s')).facts.ok);
  await cluster.signalNode('cn2', 'SIGSTOP');
  for (const { status, facts } of [first, await probe(t, 'cn[0-7]', '--timeout', '1s')]) {
    t.is(status, 1);
    t.is(facts.answered, 7);
    const [failure] = facts.failures;
    t.like(failure, { path: ['login', 'cn0', 'cn2'], reason: 'silent', code: 'NODE_SILENT' });
    t.like(failure?.direct, { answers: false, reason: 'silent' });
  }
  await cluster.signalNode('cn2', 'SIGCONT');
});

probeTest(
  'a frozen proxy node: its slaves are alive; a cut one: its whole group is unreachable',
  async (t) => {
    const { cluster } = t.context;
    await probe(t, 'cn[0-7]', '--timeout', '30s');
    await cluster.signalNode('cn0', 'SIGSTOP');
    await cluster.exec('cn4', ['ip', 'link', 'set', 'up0', 'down']);
    const { facts } = await probe(t, 'cn[0-7]', '--timeout', '1s');
    await cluster.signalNode('cn0', 'SIGCONT');
    t.is(facts.answered, 0);
    t.deepEqual(
      facts.failures.map(({ path }) => path.join()),
      ['login,cn0', 'login,cn4'],
    );
    const [frozen, cut] = facts.failures;
    t.is(frozen?.direct?.reason, 'silent');
    t.is(cut?.direct?.reason, 'unreachable');
    t.deepEqual(aliveBelow(facts), ['cn1', 'cn2', 'cn3']);
    t.deepEqual(
      cut?.below.map(({ reason }) => reason),
      ['unreachable', 'unreachable', 'unreachable'],
    );
  },
);

probeTest(
  "a link below a proxy node is down: not the proxy node's hop, the slave's has failed",
  async (t) => {
    await t.context.cluster.exec('cn6', ['ip', 'link', 'set', 'eth0', 'down']);
    const { facts } = await probe(t, 'cn[4-7]', '--timeout', '1s');
    t.deepEqual(
      facts.failures.map(({ path, reason }) => [path.join(), reason]),
      [['login,cn4,cn6', 'unreachable']],
    );
    t.is(facts.answered, 3);
  },
);

probeTest('a node with another key is named by that; mistakes are told, and what they are', async (t) => {
  const shared = t.context;
  process.env['TEES_TEST_WRONG_KEY'] = 'cn1';
  const daemonCommand = [process.execPath, WRONG_KEY_DAEMON];
  const cluster = await startCluster({ groups: 1, groupSize: 3, uplink: 'unlimited', daemonCommand });
  try {
    t.context = { ...shared, cluster };
    const { status, facts } = await probe(t, 'cn[0-2]', '--timeout', '30s');
    t.is(status, 1);
    t.like(facts.failures, [{ node: 'cn1', reason: 'key', code: 'KEY_REJECTED' }]);
    t.is(facts.answered, 2);
    const where = ['probe', '--cluster', cluster.stateDirectory];
    for (const [code, ...words] of [
      ['NODE_UNKNOWN', '--nodes', 'cn9'],
      ['TREE_SHAPE_UNKNOWN', '--nodes', 'cn0', '--shape', 'round'],
      ['METHOD_UNKNOWN', '--nodes', 'cn0', '--method', 'pigeon'],
      ['PROBE_TIMEOUT_INVALID', '--nodes', 'cn0', '--timeout', '1h'],
      ['PROBE_TIMEOUT_INVALID', '--nodes', 'cn0', '--timeout', 'soon'],
      ['SIZE_INVALID', '--nodes', 'cn0', '--bytes', 'much'],
      ['TREE_WIDTH_INVALID', '--nodes', 'cn0', '--width', '0'],
    ] as const) {
      const outcome = await tees([...where, ...words]);
      t.is(outcome.status, 2, outcome.stderr);
      t.regex(outcome.stderr, new RegExp(`tees: ${code}: `));
    }
  } finally {
    delete process.env['TEES_TEST_WRONG_KEY'];
    await cluster.down();
    t.context = shared;
  }
});
