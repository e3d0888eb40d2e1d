import { deflateRawSync } from 'node:zlib';
import test from 'ava';
import { fromBuffer, fromText } from '../../../src/base/bytes.js';
import { TRACE_MAX_BYTES, TRACE_PACKED_MAX_BYTES } from '../../../src/base/limits.js';
import { packOpened, parseOpened, unpackOpened } from '../../../src/wire/opened.js';
import type { OpenedFile } from '../../../src/wire/opened.js';
import { randomBytes } from 'node:crypto';

const FILES: OpenedFile[] = [
  { path: fromText('/usr/bin/env'), atMs: 0 },
  { path: fromBuffer(Buffer.from([0x2f, 0xff, 0x0a])), atMs: 60_000 },
];

test('files travel with their names as bytes', (t) => {
  t.deepEqual(unpackOpened(packOpened(FILES)), FILES);
  t.deepEqual(unpackOpened(packOpened([])), []);
});

test('a trace that ends in the middle of a record gives those before it', (t) => {
  const whole = Buffer.from('070000000300' + '2f6161' + '090000000200' + '2f62', 'hex');
  t.deepEqual(parseOpened(whole), [
    { path: fromText('/aa'), atMs: 7 },
    { path: fromText('/b'), atMs: 9 },
  ]);
  for (let length = 9; length < whole.length; length++)
    t.is(parseOpened(whole.subarray(0, length)).length, 1, `${length} bytes`);
});

test('of more files than may travel the first ones do', (t) => {
  const many = Array.from({ length: 1000 }, (_, atMs) => ({ path: fromBuffer(randomBytes(2000)), atMs }));
  const packed = packOpened(many);
  t.true(packed.length <= TRACE_PACKED_MAX_BYTES);
  const kept = unpackOpened(packed);
  t.true(kept.length >= 100);
  t.deepEqual(kept, many.slice(0, kept.length));
});

test('what is packed otherwise, or unpacks to too much, is nothing', (t) => {
  t.deepEqual(unpackOpened(Buffer.from('?')), []);
  t.deepEqual(unpackOpened(deflateRawSync(Buffer.alloc(TRACE_MAX_BYTES + 1))), []);
});
