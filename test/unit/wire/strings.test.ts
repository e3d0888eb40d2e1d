import test from 'ava';
import { StringsDecoder, encodeStrings } from '../../../src/wire/strings.js';

test('messages come back, however they are cut', (t) => {
  const messages = [['list'], ['enter', '', 'ü'], ['a'.repeat(5000), 'b']];
  const bytes = Buffer.concat(messages.map(encodeStrings));
  for (const size of [1, 3, 7, 4096, bytes.length]) {
    const decoder = new StringsDecoder();
    const heard: string[][] = [];
    for (let at = 0; at < bytes.length; at += size)
      heard.push(...decoder.push(bytes.subarray(at, at + size)));
    t.deepEqual(heard, messages, `${size} bytes at a time`);
  }
});

test('what is no message is refused', (t) => {
  const empty = Buffer.alloc(4);
  const huge = Buffer.from([0xff, 0xff, 0xff, 0x7f]);
  const endless = Buffer.from([1, 0, 0, 0, 65]);
  for (const bytes of [empty, huge, endless])
    t.throws(() => new StringsDecoder().push(bytes), { code: 'MESSAGE_INVALID' });
});
