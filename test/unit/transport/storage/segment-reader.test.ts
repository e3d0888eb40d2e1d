import test from 'ava';
import { TeesError } from '../../../../src/base/errors.js';
import { eventually } from '../../../support/tees.js';
import { SegmentLayout } from '../../../../src/transport/storage/segment-layout.js';
import { SegmentReader } from '../../../../src/transport/storage/segment-reader.js';
import type { SegmentReaderOptions } from '../../../../src/transport/storage/segment-reader.js';

const CHUNKS = 40;
const CHUNK_BYTES = 200_000;
const body = (unit: number): Buffer => Buffer.alloc(unit === 0 ? 10 : CHUNK_BYTES, unit);

/** The document, and chunks in reverse order, of which two are urgent. */
const whole = new SegmentLayout({
  documentLengths: [10],
  chunkOrder: Array.from({ length: CHUNKS }, (_, i) => CHUNKS - 1 - i),
  urgentChunks: 2,
  chunkBytes: () => CHUNK_BYTES,
});
const document = new SegmentLayout({
  documentLengths: [10],
  chunkOrder: [],
  urgentChunks: 0,
  chunkBytes: () => 0,
});
const inOrder = Array.from({ length: whole.unitCount }, (_, at) => whole.unitAt(at));

interface Rig {
  reader: SegmentReader;
  read: number[];
  errors: TeesError[];
}

async function settle(): Promise<void> {
  for (let i = 0; i < 300; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** What lies at a place of a segment, as so many buffers. */
function contents(segment: number, offset: number, lengths: readonly number[]): Promise<Buffer[]> {
  const units: Buffer[] = [];
  for (let at = whole.firstOf(segment); at < whole.firstOf(segment + 1); at++)
    units.push(body(whole.unitAt(at)));
  const bytes = Buffer.concat(units);
  let from = offset;
  return Promise.resolve(lengths.map((length) => bytes.subarray(from, (from += length))));
}

function rig(options: Partial<SegmentReaderOptions> = {}, layout = whole): Rig {
  const read: number[] = [];
  const errors: TeesError[] = [];
  const reader = new SegmentReader({
    layout,
    process: {
      path: '/shared/tees-1',
      read: contents,
    },
    holds: (unit) => read.includes(unit),
    receive: (unit, bytes) => {
      if (!bytes.equals(body(unit))) return Promise.reject(new TeesError('CHUNK_CORRUPT', `chunk ${unit}`));
      read.push(unit);
      return Promise.resolve();
    },
    onFailed: (error) => void errors.push(error),
    ...options,
  });
  return { reader, read, errors };
}

test('what has been announced is read in the order of sending, each unit once', async (t) => {
  const { reader, read } = rig();
  reader.stored(2);
  await settle();
  t.deepEqual(read, inOrder.slice(0, whole.firstOf(2)));
  reader.stored(whole.segmentCount);
  await settle();
  t.deepEqual(read, inOrder);
});

test('the document is read before the rest is known', async (t) => {
  const { reader, read } = rig({}, document);
  reader.stored(whole.segmentCount);
  await settle();
  t.deepEqual(read, [0]);
  reader.extend(whole);
  await settle();
  t.deepEqual(read, inOrder);
});

test('what is held is not read', async (t) => {
  const held = new Set([0, inOrder[5], inOrder[6], inOrder.at(-1)]);
  const { reader, read } = rig({ holds: (unit) => held.has(unit) });
  reader.stored(whole.segmentCount);
  await settle();
  t.deepEqual(
    read,
    inOrder.filter((unit) => !held.has(unit)),
  );
});

test('what somebody waits for is read next', async (t) => {
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const { reader, read } = rig({
    process: {
      path: '/shared/tees-1',
      read: (...place) => gate.then(() => contents(...place)),
    },
  });
  reader.stored(whole.segmentCount);
  const last = inOrder.at(-1) as number;
  reader.want(last, 1);
  open();
  await settle();
  // Only what was under way comes before it: three pieces of at most 512 KiB.
  t.true(read.indexOf(last) < 10, `at ${read.indexOf(last)}`);
  t.deepEqual(
    [...read].sort((a, b) => a - b),
    [...inOrder].sort((a, b) => a - b),
  );
});

test('what somebody waits for and is not announced yet is read as soon as it is', async (t) => {
  const { reader, read } = rig();
  const last = inOrder.at(-1) as number;
  reader.stored(1);
  reader.want(last, 1);
  await settle();
  t.deepEqual(read, [0]);
  reader.stored(whole.segmentCount);
  await settle();
  t.is(read[1], last);
});

test('a damaged unit is refused and its file named', async (t) => {
  const { reader, errors } = rig({
    process: {
      path: '/shared/tees-1',
      read: (_segment, _offset, lengths) =>
        Promise.resolve(lengths.map((length) => Buffer.alloc(length, 255))),
    },
  });
  reader.stored(1);
  await settle();
  t.is(errors.length, 1);
  t.is(errors[0]?.code, 'CHUNK_CORRUPT');
  t.is(errors[0]?.path, '/shared/tees-1/0');
});

test('a segment that is not seen is looked for again, and not for ever', async (t) => {
  let looks = 0;
  const unseen = new TeesError('SHARED_STORAGE_UNSEEN', 'not there');
  const { reader, read, errors } = rig({
    process: {
      path: '/shared/tees-1',
      read: (segment, ...place) =>
        segment > 0 || looks++ < 2 ? Promise.reject(unseen) : contents(segment, ...place),
    },
    visibleDeadlineMs: 3_000,
  });
  reader.stored(2);
  await eventually('an error', () => errors.length > 0 || undefined);
  t.deepEqual(read, [0]);
  t.deepEqual(errors, [unseen]);
});

test('nothing is kept after the end', async (t) => {
  const { reader, read } = rig();
  reader.stored(whole.segmentCount);
  reader.stop();
  await settle();
  t.true(read.length < inOrder.length);
});
