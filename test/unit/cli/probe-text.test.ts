import test from 'ava';
import { probeText } from '../../../src/cli/probe-text.js';
import type { HopFact, HopFailureFact, ProbeFacts } from '../../../src/wire/probe-question.js';

const hop = (node: string, parent: string, level: number, seconds: number, group = 'g0'): HopFact => ({
  node,
  parent,
  level,
  group,
  roundTrip: { min: seconds, median: seconds * 2, max: seconds * 3 },
});

const FACTS: ProbeFacts = {
  ok: true,
  method: 'p2p',
  shape: 'paper',
  nodes: 3,
  borrowed: [],
  answered: 3,
  depth: 2,
  timeout: 3,
  took: 0.0042,
  hops: [hop('cn0', 'login', 1, 0.0001), hop('cn1', 'cn0', 2, 0.0002), hop('cn2', 'cn0', 2, 0.0004)],
  failures: [],
};

const failure = (more: Partial<HopFailureFact>): HopFailureFact => ({
  node: 'cn4',
  path: ['login', 'cn4'],
  reason: 'refused',
  code: 'NODE_UNREACHABLE',
  message: 'cannot reach the daemon of cn4 at 198.18.2.1:7611: connect ECONNREFUSED 198.18.2.1:7611',
  below: [],
  ...more,
});

const failed = (...failures: HopFailureFact[]): string =>
  probeText({ ...FACTS, ok: false, answered: 3, nodes: 8, failures });

test('a tree with a bar a hop, the longest that of the slowest', (t) => {
  const lines = probeText(FACTS).split('\n');
  t.is(lines[0], '3 nodes answered in 4.20 ms (p2p, shape paper, 2 levels)');
  t.deepEqual(
    lines.slice(2, 6).map((line) => line.slice(0, 8)),
    ['login   ', '└─ cn0  ', '   ├─ cn', '   └─ cn'],
  );
  const bars = lines.slice(3, 6).map((line) => [...line.matchAll(/█/g)].length);
  t.deepEqual(
    bars.map((length) => Math.round((4 * length) / (bars[2] as number))),
    [1, 2, 4],
  );
  t.regex(lines[5] as string, /0\.40 ms$/);
});

test('the path, the reason, and who is alive behind it', (t) => {
  const below = ['cn5', 'cn6'].map((node) => ({ node, answers: true }));
  const text = failed(failure({ below: [...below, { node: 'cn7', answers: false, reason: 'key' }] }));
  t.regex(text, /^3 of 8 nodes answered; 1 path has failed/);
  t.regex(text, /^FAILED login → cn4$/m);
  t.regex(text, /refused: its host is up, no daemon listens there/);
  t.regex(text, /198\.18\.2\.1:7611/);
  t.regex(text, /2 of 3 nodes below it: cn\[5-6\] alive/);
  t.regex(text, /1 of 3 nodes below it: cn7 another cluster key/);
});

for (const [reason, direct, verdict] of [
  ['silent', { answers: true }, 'alive: it answers'],
  ['silent', { answers: false, reason: 'unreachable' }, 'unreachable: the node is down'],
  ['silent', { answers: false, reason: 'silent' }, 'silent: its host is up'],
  ['lost', { answers: false, reason: 'refused' }, 'refused: its host is up'],
  ['unreachable', { answers: true }, 'the login node itself reaches it'],
  ['unreachable', { answers: false, reason: 'unreachable' }, 'unreachable: the node is down'],
  ['key', { answers: false, reason: 'key' }, 'another cluster key'],
] as const)
  test(`${reason} by the tree and ${JSON.stringify(direct)} past it: ${verdict}`, (t) => {
    t.true(failed(failure({ reason, direct })).replace(/\s+/g, ' ').includes(verdict));
  });

const LARGE: ProbeFacts = {
  ...FACTS,
  nodes: 2000,
  answered: 2000,
  hops: Array.from({ length: 2000 }, (_, i) =>
    hop(
      `node${i}`,
      i < 100 ? 'login' : `node${i % 100}`,
      i < 100 ? 1 : 2,
      0.001 + i / 1e6,
      `group${i % 100}`,
    ),
  ),
};

test('of many hops a table: by level, and the slowest groups', (t) => {
  const lines = probeText(LARGE).split('\n');
  t.true(lines.length < 24);
  t.regex(lines[3] as string, /^level 1 +100 +1\.00 ms +1\.05 ms +1\.10 ms {2}login → node99$/);
  t.regex(lines[4] as string, /^level 2 +1900 .* 3\.00 ms {2}node99 → node1999$/);
  t.is(lines[6], 'the slowest of 100 groups:');
  t.regex(lines[7] as string, /^group group99 /);
});

test('no line is wider than 80 columns, whatever the names', (t) => {
  const name = (i: number): string => `a-very-long-node-name-that-somebody-chose-${i}.cluster.example.org`;
  const path = Array.from({ length: 30 }, (_, i) => name(i));
  const below = path.map((node) => ({ node, answers: false, reason: 'unreachable' as const }));
  const hops = path.slice(1).map((node, i) => hop(node, path[i] as string, i + 1, 0.05));
  const facts = { ...FACTS, ok: false, hops, borrowed: path, failures: [failure({ path, below })] };
  for (const text of [probeText(FACTS), probeText(LARGE), probeText(facts)])
    for (const line of text.split('\n')) t.true([...line].length <= 80, `${[...line].length}: ${line}`);
});
