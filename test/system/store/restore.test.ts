/** A store that an earlier daemon has left: what is whole, what was growing, what is damaged, what is none of its own. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { rmSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/base/clock.js';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { Arrivals } from '../../../src/store/arrivals.js';
import { JobStore } from '../../../src/store/job-store.js';
import { makeLayer } from './layer.js';
import type { TestLayer } from './layer.js';

const CONTENTS = [
  { size: 3 * CHUNK_SIZE_BYTES + 17 },
  { size: 1000 },
  { size: 4 * CHUNK_SIZE_BYTES, extents: [CHUNK_SIZE_BYTES, 2 * CHUNK_SIZE_BYTES] },
  { size: 10 },
];

interface Left extends TestLayer {
  readonly contents: string;
  readonly incoming: string;
  restore(): Promise<{ store: JobStore; arrivals: Arrivals }>;
}

/** A store with these chunks, closed. */
async function left(t: ExecutionContext, chunks: readonly number[]): Promise<Left> {
  const root = mkdtempSync(join(tmpdir(), 'tees-restore-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const layer = makeLayer(CONTENTS);
  const directories = { contents: join(root, 'contents'), incoming: join(root, 'incoming') };
  const open = (arrivals: Arrivals) => ({ manifest: layer.manifest, directories, arrivals });
  const first = JobStore.create(open(new Arrivals(CONTENTS.length, systemClock)));
  for (const chunk of chunks) await first.put(chunk, layer.chunks[chunk] as Buffer);
  await first.close();
  return {
    ...layer,
    ...directories,
    restore: async () => {
      const arrivals = new Arrivals(CONTENTS.length, systemClock);
      const store = await JobStore.restore(open(arrivals));
      t.teardown(() => store.close());
      return { store, arrivals };
    },
  };
}

async function completes(t: ExecutionContext, { chunks, files }: Left, store: JobStore): Promise<void> {
  for (const [index, chunk] of chunks.entries()) await store.put(index, chunk);
  t.true(store.complete);
  for (const [index, file] of files.entries()) t.true(readFileSync(store.contentPath(index)).equals(file));
}

test('whole contents are held and announced; of growing ones the chunks that are right', async (t) => {
  const before = await left(t, [0, 2, 4, 5]);
  const { store, arrivals } = await before.restore();
  t.deepEqual(store.held.toRanges(), [0, 1, 2, 1, 4, 2]);
  t.deepEqual(
    [0, 1, 2, 3].map((content) => arrivals.isHere(content)),
    [false, true, false, false],
  );
  t.is(store.bytesHeld, 2 * CHUNK_SIZE_BYTES + 1000 + CHUNK_SIZE_BYTES);
  await completes(t, before, store);
});

test('a chunk that is damaged, or was half written, is taken for missing', async (t) => {
  const before = await left(t, [0, 1, 2]);
  const fd = openSync(join(before.incoming, '0'), 'r+');
  writeSync(fd, Buffer.from([1, 2, 3]), 0, 3, CHUNK_SIZE_BYTES + 5);
  closeSync(fd);
  const { store } = await before.restore();
  t.deepEqual(store.held.toRanges(), [0, 1, 2, 1]);
  await completes(t, before, store);
});

test('a content whose last chunk was written, but which was not yet renamed, is whole', async (t) => {
  const before = await left(t, [4]);
  execFileSync('mv', [join(before.contents, '.tees', '1'), join(before.incoming, '1')]);
  const { store, arrivals } = await before.restore();
  t.true(arrivals.isHere(1));
  t.true(readFileSync(store.contentPath(1)).equals(before.files[1] as Buffer));
  t.deepEqual(readdirSync(before.incoming), []);
});

test('a file that is cut short is removed and arrives anew', async (t) => {
  const before = await left(t, [0, 4, 7]);
  truncateSync(join(before.incoming, '0'), 100);
  truncateSync(join(before.contents, '.tees', '1'), 10);
  const { store, arrivals } = await before.restore();
  t.deepEqual(store.held.toRanges(), [7, 1]);
  t.false(arrivals.isHere(1));
  t.deepEqual(readdirSync(before.incoming), []);
  await completes(t, before, store);
});

test('what is no content is removed, and no link is followed', async (t) => {
  const before = await left(t, [7]);
  const outside = join(before.incoming, '..', 'outside');
  writeFileSync(outside, Buffer.alloc(1000));
  mkdirSync(join(before.contents, '.tees', '0'));
  symlinkSync(outside, join(before.contents, '.tees', '1'));
  symlinkSync(outside, join(before.incoming, '1'));
  execFileSync('ln', [outside, join(before.incoming, '01')]);
  execFileSync('mkfifo', [join(before.incoming, '2')]);
  for (const name of ['99', '-1', 'x', '1e0']) writeFileSync(join(before.incoming, name), 'x');
  const { store } = await before.restore();
  t.deepEqual(store.held.toRanges(), [7, 1]);
  t.deepEqual(readdirSync(before.incoming), []);
  t.deepEqual(readdirSync(join(before.contents, '.tees')), ['3']);
  t.true(existsSync(outside));
  await completes(t, before, store);
});

test('a content that is whole and has a growing file as well is whole', async (t) => {
  const before = await left(t, [4]);
  writeFileSync(join(before.incoming, '1'), Buffer.alloc(1000));
  const { arrivals } = await before.restore();
  t.true(arrivals.isHere(1));
  t.deepEqual(readdirSync(before.incoming), []);
});
