/** Encodings whose header or columns lie. */
import test from 'ava';
import { decodeManifest, encodeManifest } from '../../../src/image/codec.js';
import { ColumnReader, ColumnWriter, joinColumns } from '../../../src/image/columns.js';
import { TeesError } from '../../../src/base/errors.js';
import { ENTRY_COLUMNS } from '../../../src/image/entry-columns.js';
import { directory, file, manifestOf, refusal } from '../../support/manifest-parts.js';

const HEADER_SIZE_BYTES = 24;
const COLUMNS_LENGTH_AT = 20;
const root = directory('');
const valid = encodeManifest(manifestOf(root, file('a', 'text'), file('b', 'other')));

function withHeader(field: number, value: number): Buffer {
  const bytes = Buffer.from(valid);
  bytes.writeUInt32LE(value, 4 + 4 * field);
  return bytes;
}

const HEADER_FIELDS = ['version', 'entries', 'contents', 'chunks', 'length of the columns'];
for (const [field, name] of HEADER_FIELDS.entries())
  for (const value of [0, 1e6, 2 ** 31, 2 ** 32 - 1])
    test(`refused: ${name} ${value} in the header`, (t) => {
      t.truthy(refusal(withHeader(field, value)));
    });

/** Re-encodes with columns of our own making, and a header that fits them. */
function withBody(change: (body: Buffer) => Buffer): Buffer {
  const digestsAt = HEADER_SIZE_BYTES + valid.readUInt32LE(COLUMNS_LENGTH_AT);
  const body = change(Buffer.from(valid.subarray(HEADER_SIZE_BYTES, digestsAt)));
  const header = Buffer.from(valid.subarray(0, HEADER_SIZE_BYTES));
  header.writeUInt32LE(body.length, COLUMNS_LENGTH_AT);
  return Buffer.concat([header, body, valid.subarray(digestsAt)]);
}

test('every single wrong byte in the columns is refused or gives a valid manifest', (t) => {
  const length = valid.readUInt32LE(COLUMNS_LENGTH_AT);
  t.is(refusal(withBody((body) => body)), undefined);
  for (let at = 0; at < length; at++)
    for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
      const bytes = withBody((body) => {
        body[at] = value;
        return body;
      });
      if (refusal(bytes)) continue;
      const decoded = decodeManifest(bytes);
      t.deepEqual(decodeManifest(encodeManifest(decoded)), decoded);
    }
});

test('bytes behind the last column are refused', (t) => {
  t.truthy(refusal(withBody((body) => Buffer.concat([body, Buffer.from([0])]))));
});

test('a number that never ends is refused', (t) => {
  t.truthy(refusal(withBody((body) => Buffer.alloc(body.length, 0xff))));
});

const deepParents = Array.from({ length: 15 }, (_, i) =>
  directory(Array.from({ length: i + 1 }, () => 'd'.repeat(250)).join('/')),
);
const deepest = deepParents.at(-1)?.entry.path as string;
const MANY = 150_000;
const nameOf = (i: number): string => String(i).padStart(6, '0');

test('a layer whose paths are too long, all together, is not encoded', (t) => {
  // The same long path again and again: the encoder must refuse before it looks closer.
  const one = file(`${deepest}/${nameOf(0)}`).entry;
  const entries = Array.from({ length: MANY }, () => one);
  const manifest = { entries, contents: [], digests: Buffer.alloc(0) };
  const error = t.throws(() => encodeManifest(manifest), { instanceOf: TeesError });
  t.is(error.code, 'LAYER_TOO_LARGE');
});

/** Takes a manifest whose last entry is an empty file, and repeats that file under other names. */
function repeatLastFile(bytes: Buffer, count: number): Buffer {
  const body = new ColumnReader(bytes.subarray(HEADER_SIZE_BYTES));
  const columns: ColumnWriter[] = [];
  while (body.remaining > 0) {
    const column = body.column();
    const writer = new ColumnWriter();
    writer.bytes(column.bytes(column.remaining));
    columns.push(writer);
  }
  const repeated: Record<string, (writer: ColumnWriter, i: number) => void> = {
    kinds: (writer) => writer.byte(1),
    shared: (writer) => writer.varint(deepest.length + 1),
    restLengths: (writer) => writer.varint(6),
    rests: (writer, i) => writer.latin1(nameOf(i)),
    owners: (writer) => writer.varint(0),
    seconds: (writer) => writer.varint(0),
    nanoseconds: (writer) => writer.varint(0),
    sizes: (writer) => writer.varint(0),
  };
  ENTRY_COLUMNS.forEach((name, column) => {
    const writer = columns[columns.length - ENTRY_COLUMNS.length + column] as ColumnWriter;
    for (let i = 1; i <= count; i++) repeated[name]?.(writer, i);
  });
  const joined = joinColumns(columns);
  const header = Buffer.from(bytes.subarray(0, HEADER_SIZE_BYTES));
  header.writeUInt32LE(header.readUInt32LE(8) + count, 8);
  header.writeUInt32LE(joined.length, COLUMNS_LENGTH_AT);
  return Buffer.concat([header, joined]);
}

test('many names that share a long path are refused before any path is made', (t) => {
  const small = encodeManifest(manifestOf(root, ...deepParents, file(`${deepest}/${nameOf(0)}`)));
  t.is(refusal(repeatLastFile(small, 10)), undefined);
  const bytes = repeatLastFile(small, MANY);
  t.true(bytes.length < 4_000_000);
  const before = process.memoryUsage().rss;
  t.true(refusal(bytes)?.message.endsWith('all together'));
  t.true(process.memoryUsage().rss - before < 64 * 1024 * 1024);
});
