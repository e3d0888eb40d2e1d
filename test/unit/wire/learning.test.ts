import test from 'ava';
import { LEARNT_CONTENTS_PER_NODE_MAX } from '../../../src/base/limits.js';
import {
  decodeContentWaits,
  decodeLearningAnswer,
  decodeLearningRequest,
  encodeContentWaits,
} from '../../../src/wire/learning.js';
import { decodeMessage } from '../../../src/wire/messages.js';

const account = (waits: unknown) => ({ t: 'account', job: 'j', node: 'cn0', blocked: [], waits });
const KEY = '0123456789abcdef'.repeat(2);

test('waits travel with their content, to the microsecond', (t) => {
  const waits = [
    { content: 70_000, atMs: 0.125 },
    { content: 0, atMs: 9e6 },
  ];
  t.deepEqual(decodeContentWaits(encodeContentWaits(waits)), waits);
});

test('of very many waits the first ones travel, as many as an account may hold', (t) => {
  const waits = Array.from({ length: LEARNT_CONTENTS_PER_NODE_MAX + 1 }, (_, content) => ({
    content,
    atMs: content,
  }));
  const numbers = encodeContentWaits(waits);
  t.deepEqual(decodeContentWaits(numbers).at(-1), waits.at(-2));
  t.notThrows(() => decodeMessage(account(numbers)));
});

for (const [what, waits] of [
  ['no list', undefined],
  ['half a wait', [1]],
  ['a negative number', [1, -2]],
  ['a text', [1, '3']],
  ['more waits than a node may tell', Array.from({ length: 2 * LEARNT_CONTENTS_PER_NODE_MAX + 2 }, () => 1)],
] as const) {
  test(`an account is refused with ${what}`, (t) => {
    t.throws(() => decodeMessage(account(waits)), { code: 'MESSAGE_INVALID' });
  });
}

test('questions and answers are understood', (t) => {
  const recall = { t: 'recall', environment: KEY, command: KEY } as const;
  t.deepEqual(decodeLearningRequest(recall), recall);
  t.deepEqual(decodeLearningRequest({ t: 'forget' }), { t: 'forget' });
  t.deepEqual(decodeLearningRequest({ t: 'forget', environment: KEY }), { t: 'forget', environment: KEY });
  t.deepEqual(decodeLearningAnswer({ t: 'recalled', budgetBytes: 5 }), { t: 'recalled', budgetBytes: 5 });
});

for (const bad of ['', '../../etc/shadow', KEY.toUpperCase(), `${KEY}0`, 5, `${KEY.slice(1)}/`]) {
  test(`what would be the name of a file is refused when it is ${JSON.stringify(bad)}`, (t) => {
    t.throws(() => decodeLearningRequest({ t: 'forget', environment: bad }), { code: 'MESSAGE_INVALID' });
    t.throws(() => decodeLearningRequest({ t: 'recall', environment: KEY, command: bad }), {
      code: 'MESSAGE_INVALID',
    });
  });
}
