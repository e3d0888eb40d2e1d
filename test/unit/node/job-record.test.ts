/** What is written down of a job for a later daemon, and every way in which it may be found. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TeesError } from '../../../src/base/errors.js';
import { JobRecord } from '../../../src/node/job-record.js';
import { ShippingDocument } from '../../../src/node/shipping-document.js';
import { chunkDigest } from '../../../src/image/chunks.js';
import type { JobSpec } from '../../../src/wire/job.js';

const SPEC: JobSpec = {
  job: 'one',
  uid: 1000,
  gid: 100,
  groups: [100, 7],
  argv: ['prog', 'a b', ''],
  env: { A: '1', B: 'x=y' },
  cwd: '/work',
  inputNode: 'cn0',
  tracedNodes: ['cn0'],
  hook: 'fuse',
  fuseEngine: 'tees',
  layout: 'auto',
  demand: true,
  stallDeadlineMs: 60_000,
  onStall: 'wait',
  documentLengths: [10],
  documentDigests: chunkDigest(Buffer.from('0123456789')),
  contentBytes: 1234,
  epoch: 3,
  subtree: {
    name: 'cn0',
    runs: true,
    known: false,
    children: [{ name: 'cn1', runs: true, known: true, children: [] }],
  },
};

function record(t: ExecutionContext, name = 'one'): JobRecord {
  const root = mkdtempSync(join(tmpdir(), 'tees-record-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, name));
  return new JobRecord(join(root, name));
}

test('a job comes back as it was', async (t) => {
  const { directory } = record(t);
  const first = new JobRecord(directory);
  first.begin(SPEC, { inBytes: 5, outBytes: 6 });
  await first.keepDocument(Buffer.from('0123456789'));
  first.childAnswered('cn1');
  t.false(first.isPrepared);
  first.prepared();
  first.exited(7);
  const second = new JobRecord(directory);
  t.deepEqual(second.spec(), SPEC);
  t.is(second.document()?.toString(), '0123456789');
  t.deepEqual([...second.knownChildren()], ['cn1']);
  t.true(second.isPrepared);
  t.is(second.exitStatus(), 7);
  t.deepEqual(second.uplink(), { inBytes: 5, outBytes: 6 });
});

test('of a job that has just begun nothing more is known', (t) => {
  const begun = record(t);
  begun.begin(SPEC, undefined);
  t.is(begun.document(), undefined);
  t.is(begun.exitStatus(), undefined);
  t.is(begun.uplink(), undefined);
  t.is(begun.knownChildren().size, 0);
});

test('a job that is being torn down is not to be restored', (t) => {
  const begun = record(t);
  begun.begin(SPEC, undefined);
  begun.discard();
  t.throws(() => begun.spec(), { instanceOf: TeesError, code: 'RECORD_INVALID' });
  t.notThrows(() => begun.discard());
});

const HARM: readonly [title: string, harm: (path: string) => void][] = [
  ['cut short', (path) => truncateSync(path, 100)],
  ['empty', (path) => truncateSync(path, 0)],
  ['too long', (path) => truncateSync(path, 64 << 20)],
  [
    'changed',
    (path) => {
      const bytes = readFileSync(path);
      bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
      writeFileSync(path, bytes);
    },
  ],
  [
    'no job at all',
    (path) => {
      const body = Buffer.from('nonsense');
      writeFileSync(path, Buffer.concat([chunkDigest(body), body]));
    },
  ],
  ['missing', (path) => rmSync(path)],
  ['a symbolic link', (path) => (execFileSync('mv', [path, `${path}.x`]), symlinkSync(`${path}.x`, path))],
  ['a directory', (path) => (rmSync(path), mkdirSync(path))],
  ['a fifo', (path) => (rmSync(path), execFileSync('mkfifo', [path]))],
];

for (const [title, harm] of HARM) {
  test(`a record that is ${title} is refused`, (t) => {
    const begun = record(t);
    begun.begin(SPEC, undefined);
    harm(join(begun.directory, 'spec'));
    const error = t.throws(() => begun.spec(), { instanceOf: TeesError });
    t.is(error.code, 'RECORD_INVALID');
    t.is(error.path, begun.directory);
  });
}

test('a record of another job is refused', (t) => {
  const other = record(t, 'two');
  other.begin(SPEC, undefined);
  t.throws(() => other.spec(), { instanceOf: TeesError, message: /of job one/ });
});

test('small files with nonsense in them say nothing', (t) => {
  const { directory } = record(t);
  for (const name of ['exited', 'uplink']) writeFileSync(join(directory, name), 'nonsense');
  writeFileSync(join(directory, 'known'), 'cn1\ncn2');
  const found = new JobRecord(directory);
  t.is(found.exitStatus(), undefined);
  t.is(found.uplink(), undefined);
  t.deepEqual([...found.knownChildren()], ['cn1'], 'the last line was not written to its end');
});

test('a document is taken whole and right, or not at all', (t) => {
  const document = (): ShippingDocument => new ShippingDocument([10], chunkDigest(Buffer.from('0123456789')));
  t.true(document().restore(Buffer.from('0123456789')));
  for (const bytes of ['', '012345678', '0123456780', '0123456789x']) {
    const damaged = document();
    t.false(damaged.restore(Buffer.from(bytes)));
    t.true(damaged.put(0, Buffer.from('0123456789')), 'it can still arrive');
  }
});
