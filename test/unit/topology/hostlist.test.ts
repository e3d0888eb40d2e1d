import test from 'ava';
import fc from 'fast-check';
import { TeesError } from '../../../src/base/errors.js';
import { foldHostlist, isNodeName, parseHostlist } from '../../../src/topology/hostlist.js';

const EXPANSIONS: readonly [string, readonly string[]][] = [
  ['', []],
  ['login', ['login']],
  ['cn[0-2,20],login', ['cn0', 'cn1', 'cn2', 'cn20', 'login']],
  ['cn[001-003]', ['cn001', 'cn002', 'cn003']],
  ['cn[08-11]', ['cn08', 'cn09', 'cn10', 'cn11']],
  ['cn[98-101]', ['cn98', 'cn99', 'cn100', 'cn101']],
  ['cn[099-101]', ['cn099', 'cn100', 'cn101']],
  ['r[0-1]n[0-1]', ['r0n0', 'r0n1', 'r1n0', 'r1n1']],
  ['cn[1-2]-ib', ['cn1-ib', 'cn2-ib']],
  ['[7-8]', ['7', '8']],
  [' cn1 , cn2\n', ['cn1', 'cn2']],
  ['cn[5]', ['cn5']],
  ['198.18.1.[9-10]', ['198.18.1.9', '198.18.1.10']],
];
for (const [text, names] of EXPANSIONS) {
  test(`expands ${JSON.stringify(text)}`, (t) => t.deepEqual(parseHostlist(text), [...names]));
}

const MALFORMED: readonly [string, number][] = [
  ['cn[0-3', 3],
  ['cn[', 4],
  ['cn[]', 4],
  ['cn[0-]', 6],
  ['cn[a-b]', 4],
  ['cn[3-0]', 4],
  ['cn[1-010]', 4],
  ['cn[0-3]]', 8],
  ['cn]', 3],
  ['cn1,,cn2', 5],
  ['cn1,', 5],
  [',cn1', 1],
  ['cn1 cn2', 5],
  ['cn[0-[1-2]]', 6],
  ['cn/1', 3],
  ['cn1,-x', 5],
  ['cn1,..', 5],
  ['cn[0-1,]', 8],
  [`cn[${'9'.repeat(16)}]`, 4],
  ['[1]'.repeat(5000), 1],
  ['x'.repeat(256), 1],
  ['cn\u00e4', 3],
];
for (const [text, position] of MALFORMED) {
  test(`refuses ${JSON.stringify(text.slice(0, 20))} and points to character ${position}`, (t) => {
    const error = t.throws(() => parseHostlist(text), { code: 'HOSTLIST_MALFORMED', instanceOf: TeesError });
    t.regex(error?.message ?? '', new RegExp(`, character ${position}: `));
    t.true(error?.usage);
  });
}

test('a duplicate is refused by name', (t) => {
  const error = t.throws(() => parseHostlist('cn[0-3],cn2'), {
    code: 'NODE_DUPLICATE',
    instanceOf: TeesError,
  });
  t.is(error?.node, 'cn2');
});

for (const text of [
  'cn[0-1000000]',
  'r[0-9999]n[0-9999]',
  'a[0-999999],b',
  'a[0-99999]b[0-99999]c[0-99999]',
]) {
  test(`refuses more nodes than a cluster may have, before it expands them: ${text}`, (t) => {
    t.throws(() => parseHostlist(text), { code: 'HOSTLIST_TOO_LONG' });
  });
}

const FOLDS: readonly [readonly string[], string][] = [
  [[], ''],
  [['cn5'], 'cn5'],
  [['cn10', 'cn9', 'cn0', 'cn1', 'cn2'], 'cn[0-2,9-10]'],
  [['cn001', 'cn002', 'cn010'], 'cn[001-002,010]'],
  [['cn09', 'cn10', 'cn11'], 'cn[09-11]'],
  [['cn9', 'cn10', 'login'], 'cn[9-10],login'],
  [['r0n0', 'r0n1', 'r1n0', 'r1n1'], 'r[0-1]n[0-1]'],
  [['r0n0', 'r0n1', 'r1n0'], 'r0n[0-1],r1n0'],
  [['cn0-ib', 'cn0', 'cn1-ib', 'cn1'], 'cn[0-1],cn[0-1]-ib'],
];
for (const [names, text] of FOLDS) {
  test(`folds ${names.join(' ') || 'nothing'} into "${text}"`, (t) => t.is(foldHostlist(names), text));
}

const nodeName = fc
  .array(fc.oneof(fc.constantFrom('cn', 'r', 'n', '-', '.', 'a_b'), fc.stringMatching(/^[0-9]{1,4}$/)), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join(''))
  .filter(isNodeName);

test('whatever is folded expands to the same names, each once', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(nodeName, { maxLength: 60 }), (names) => {
      t.deepEqual(parseHostlist(foldHostlist(names)).sort(), [...names].sort());
    }),
    { numRuns: 500 },
  );
});

test('folding keeps numeric order: what is expanded folds and expands to itself', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(nodeName, { maxLength: 60 }), (names) => {
      const once = parseHostlist(foldHostlist(names));
      t.deepEqual(parseHostlist(foldHostlist(once)), once);
    }),
  );
});

test('whatever is typed gives names or a usage error, never anything else', (t) => {
  const typed = fc.stringMatching(/^[cn0-9[\],. -]{0,24}$/);
  fc.assert(
    fc.property(typed, (text) => {
      try {
        t.true(parseHostlist(text).every(isNodeName));
      } catch (error) {
        t.true(error instanceof TeesError && error.usage);
      }
    }),
    { numRuns: 2000 },
  );
});

test('100,000 names fold and expand', (t) => {
  const names = Array.from({ length: 100_000 }, (_, i) => `cn${i}`);
  t.is(foldHostlist(names), 'cn[0-99999]');
  t.deepEqual(parseHostlist('cn[0-99999]'), names);
});
