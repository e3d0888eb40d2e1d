import test from 'ava';
import type { TeesError } from '../../../src/base/errors.js';
import { WANT_RANGES_MAX } from '../../../src/base/limits.js';
import { decodeMessage, encodeMessage } from '../../../src/wire/messages.js';

const want =
  (ranges: unknown): (() => unknown) =>
  () =>
    decodeMessage({ t: 'want', job: 'j', ranges });

test('a want keeps its ranges in the order asked', (t) => {
  const message = { t: 'want', job: 'j', ranges: [70, 2, 3, 1] } as const;
  t.deepEqual(decodeMessage(encodeMessage(message)), message);
});

for (const [what, ranges] of [
  ['more ranges than a message may have', new Array(2 * WANT_RANGES_MAX + 1).fill(1)],
  ['a negative number', [-1, 1]],
  ['a fraction', [0.5, 1]],
  ['no number', ['0', 1]],
  ['no list', 7],
] as const) {
  test(`a want with ${what} is refused`, (t) => {
    t.is(t.throws<TeesError>(want(ranges))?.code, 'MESSAGE_INVALID');
  });
}
