/** Both sides of the serving process' socket write the same bytes: native/serve/protocol.h and fuse-protocol.ts. */
import test from 'ava';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  COUNTERS,
  RecordReader,
  decodeHello,
  encodeRecord,
  encodeSetup,
} from '../../../src/serving/fuse-protocol.js';
import { compile } from '../../support/compile.js';

const directory = mkdtempSync(join(tmpdir(), 'tees-records-'));
test.after.always(() => rmSync(directory, { recursive: true }));
const shown: Record<string, string> = {};

test.before(async () => {
  const program = join(directory, 'records');
  await compile(program, ['test/native/serve/records.c', 'native/serve/protocol.c']);
  const lines = execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
  for (const line of lines) shown[line.split(' ', 1)[0] as string] = line.slice(line.indexOf(' ') + 1);
});

const hexOf = (bytes: Buffer): string => bytes.toString('hex');

test('what the daemon says is what the server reads', (t) => {
  t.is(hexOf(encodeRecord('arrived', 0xffff_fffe)), shown['arrived'] as string);
  t.is(hexOf(encodeRecord('fail')), shown['fail'] as string);
  t.is(hexOf(encodeRecord('resume')), shown['resume'] as string);
  t.is(hexOf(encodeRecord('stop')), shown['stop'] as string);
  t.is(hexOf(encodeRecord('count', 0, 3n)), shown['count'] as string);
});

test('what the server says is what the daemon reads, however it is cut', (t) => {
  const names = ['hello', 'blocked', 'unblocked', 'counter', 'done', 'process'];
  const bytes = Buffer.from(names.map((name) => shown[name]).join(''), 'hex');
  for (const size of [1, 5, 16, 17, bytes.length]) {
    const reader = new RecordReader();
    const records = [];
    for (let at = 0; at < bytes.length; at += size)
      records.push(...reader.push(bytes.subarray(at, at + size)));
    t.deepEqual(records, [
      { kind: 'hello', content: 1, value: 70000n + (5n << 32n) },
      { kind: 'blocked', content: 0x01020304, value: 0n },
      { kind: 'unblocked', content: 7, value: 0n },
      { kind: 'counter', content: COUNTERS.indexOf('waiting'), value: 0x0102030405060708n },
      { kind: 'done', content: 0, value: 3n },
      { kind: 'process', content: 0, value: 4194304n },
    ]);
  }
});

test('the greeting says what the server can', (t) => {
  const [record] = new RecordReader().push(Buffer.from(shown['hello'] as string, 'hex'));
  t.deepEqual(record && decodeHello(record), {
    version: 1,
    contentCount: 70000,
    passthrough: true,
    resend: false,
    failing: true,
  });
});

test('a record of no kind that there is ends the conversation', (t) => {
  t.throws(() => new RecordReader().push(Buffer.alloc(16, 0xff)), { code: 'HOOK_FAILED' });
});

test('what is to be served begins as the server expects', (t) => {
  const setup = encodeSetup(2, (content) => 5 + content, { passthrough: false, keepErrors: false });
  t.is(`${setup.readUInt32LE(0).toString(16)} ${setup.readUInt32LE(4)}`, shown['setup'] as string);
  t.is(hexOf(setup.subarray(8)), '0200000005000000000000000600000000000000');
});

test('both count the same', (t) => {
  t.is(String(COUNTERS.length), shown['counters'] as string);
});
