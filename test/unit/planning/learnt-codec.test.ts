import test from 'ava';
import fc from 'fast-check';
import type { ByteString } from '../../../src/base/bytes.js';
import { TeesError } from '../../../src/base/errors.js';
import { LEARNT_RECORD_MAX_BYTES } from '../../../src/base/limits.js';
import { chunkDigest } from '../../../src/image/chunks.js';
import { ColumnWriter } from '../../../src/image/columns.js';
import type { LearntRecord } from '../../../src/planning/learning.js';
import { decodeLearnt, encodeLearnt } from '../../../src/planning/learnt-codec.js';

const RECORD: LearntRecord = {
  runs: 300,
  last: { files: 2, seconds: 1.2345 },
  paths: [
    { path: 'usr/lib/\xff\n' as ByteString, run: 299, atMs: 0.1 },
    { path: 'a' as ByteString, run: 1, atMs: 7 },
  ],
};

/** With a right digest: what only its sense can refuse. */
function sealed(write: (body: ColumnWriter) => void): Buffer {
  const body = new ColumnWriter();
  write(body);
  return Buffer.concat([Buffer.from('TEESLR02'), chunkDigest(body.written()), body.written()]);
}

function numbers(body: ColumnWriter, ...values: number[]): void {
  for (const value of values) body.varint(value);
}

function withPath(path: string, run = 1, times = 1): Buffer {
  return sealed((body) => {
    numbers(body, 5, 0, 0, times);
    for (let i = 0; i < times; i++) {
      numbers(body, run, 0, path.length);
      body.latin1(path);
    }
  });
}

test('a record survives its encoding, whatever bytes its paths have', (t) => {
  t.deepEqual(decodeLearnt(encodeLearnt(RECORD)), RECORD);
});

test('a plain path that is sealed like these is taken', (t) => {
  t.is(decodeLearnt(withPath('usr/lib')).paths.length, 1);
});

const REFUSED: readonly [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['another file', Buffer.from('#!/bin/sh\n')],
  ['more than a record may have', Buffer.alloc(LEARNT_RECORD_MAX_BYTES + 1)],
  ['a count of a million paths', sealed((body) => numbers(body, 1, 0, 0, 1_000_000))],
  ['a path that ends early', sealed((body) => numbers(body, 1, 0, 0, 1, 1, 0, 4000, 0))],
  ['something behind its end', sealed((body) => numbers(body, 1, 0, 0, 0, 7))],
  ['a number that is too large', sealed((body) => body.bytes(Buffer.alloc(9, 0xff)))],
  ['an empty path', withPath('')],
  ['an absolute path', withPath('/etc/shadow')],
  ['a path that leaves the layer', withPath('a/../../etc/shadow')],
  ['a path with a NUL', withPath('a\0b')],
  ['a path that is too long', withPath('x'.repeat(5000))],
  ['a path twice', withPath('a', 1, 2)],
  ['a path learnt in a run that has not been', withPath('a', 6)],
];

for (const [what, bytes] of REFUSED) {
  test(`refused: ${what}`, (t) => {
    t.like(
      t.throws(() => decodeLearnt(bytes), { instanceOf: TeesError }),
      { code: 'LEARNT_INVALID' },
    );
  });
}

test('damaged bytes are refused, wherever the damage is', (t) => {
  const good = encodeLearnt(RECORD);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] as number) ^ flip;
      t.throws(() => decodeLearnt(bad), { code: 'LEARNT_INVALID' });
    }),
  );
});

test('arbitrary sealed bytes are refused or give a record that can be written again', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      let record: LearntRecord;
      try {
        record = decodeLearnt(sealed((body) => body.bytes(bytes)));
      } catch (error) {
        return t.is((error as TeesError).code, 'LEARNT_INVALID');
      }
      t.deepEqual(decodeLearnt(encodeLearnt(record)), record);
    }),
    { numRuns: 1000 },
  );
});
