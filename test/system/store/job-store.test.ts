import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/base/clock.js';
import { TeesError } from '../../../src/base/errors.js';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { Arrivals } from '../../../src/store/arrivals.js';
import { JobStore } from '../../../src/store/job-store.js';
import { makeLayer } from './layer.js';
import type { TestContent } from './layer.js';

const MIB = 1024 * 1024;
const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tees-store-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function setUp(t: ExecutionContext, wanted: TestContent[], root = directory(t), cacheMaxBytes = 0) {
  const layer = makeLayer(wanted);
  const directories = { contents: join(root, 'contents'), incoming: join(root, 'incoming') };
  const arrivals = new Arrivals(wanted.length, systemClock);
  const store = JobStore.create({ manifest: layer.manifest, directories, arrivals, cacheMaxBytes });
  t.teardown(() => store.close());
  return { ...layer, directories, arrivals, store };
}

test('a content appears whole, read-only and announced, with its last chunk and not before', async (t) => {
  const { store, chunks, files, arrivals, directories } = setUp(t, [{ size: 3 * CHUNK_SIZE_BYTES + 17 }]);
  for (const chunk of [3, 0, 2]) t.is(await store.put(chunk, chunks[chunk] as Buffer), 'stored');
  t.deepEqual(readdirSync(join(directories.contents, '.tees')), []);
  t.false(arrivals.isHere(0));
  await store.put(1, chunks[1] as Buffer);
  t.true(arrivals.isHere(0));
  t.true(store.complete);
  t.true(readFileSync(store.contentPath(0)).equals(files[0] as Buffer));
  const { mode, uid } = statSync(store.contentPath(0));
  t.is(mode & 0o7777, 0o444);
  t.is(uid, Number(process.getuid?.()));
  t.deepEqual(readdirSync(directories.incoming), []);
});

test('contents of every size around a chunk arrive as they were', async (t) => {
  const sizes = [
    1,
    4095,
    65536,
    65537,
    CHUNK_SIZE_BYTES - 1,
    CHUNK_SIZE_BYTES,
    CHUNK_SIZE_BYTES + 1,
    2 * MIB,
  ];
  const { store, chunks, files } = setUp(
    t,
    sizes.map((size) => ({ size })),
  );
  await Promise.all(chunks.map((body, chunk) => store.put(chunk, body)));
  files.forEach((file, content) => t.true(readFileSync(store.contentPath(content)).equals(file)));
  t.is(
    store.bytesHeld,
    sizes.reduce((sum, size) => sum + size, 0),
  );
});

test('holes stay holes, wherever a chunk ends', async (t) => {
  const size = 40 * MIB;
  const extents = [4096, 100_000, 8 * MIB, 400_000, 30 * MIB + 12_288, 5];
  const { store, chunks, files } = setUp(t, [
    { size, extents },
    { size: 10 * MIB, extents: [0, 10] },
  ]);
  for (const [chunk, body] of chunks.entries()) await store.put(chunk, body);
  t.true(readFileSync(store.contentPath(0)).equals(files[0] as Buffer));
  t.true(readFileSync(store.contentPath(1)).equals(files[1] as Buffer));
  t.true(statSync(store.contentPath(0)).blocks * 512 < 2 * MIB);
  t.true(statSync(store.contentPath(1)).blocks * 512 <= 8192);
});

test('a chunk with one wrong bit is refused, leaves nothing, and may come again', async (t) => {
  const { store, chunks, files } = setUp(t, [{ size: 1000 }]);
  const wrong = Buffer.from(chunks[0] as Buffer);
  wrong[999] = (wrong[999] as number) ^ 1;
  await t.throwsAsync(store.put(0, wrong), { instanceOf: TeesError, code: 'CHUNK_CORRUPT' });
  t.false(store.has(0));
  t.is(store.bytesHeld, 0);
  t.false(existsSync(store.contentPath(0)));
  t.is(await store.put(0, chunks[0] as Buffer), 'stored');
  t.true(readFileSync(store.contentPath(0)).equals(files[0] as Buffer));
});

test('a chunk of the wrong length is refused', async (t) => {
  const { store, chunks } = setUp(t, [{ size: 1000 }]);
  const body = chunks[0] as Buffer;
  await t.throwsAsync(store.put(0, body.subarray(1)), { code: 'CHUNK_CORRUPT' });
  await t.throwsAsync(store.put(0, Buffer.concat([body, body])), { code: 'CHUNK_CORRUPT' });
  await t.throwsAsync(store.put(0, Buffer.alloc(0)), { code: 'CHUNK_CORRUPT' });
});

test('a length that contradicts the manifest is refused though the digest fits', async (t) => {
  const layer = makeLayer([{ size: 1000 }]);
  const content = layer.manifest.contents[0] as (typeof layer.manifest.contents)[0];
  const manifest = { ...layer.manifest, contents: [{ ...content, extents: [0, 999] }] };
  const root = directory(t);
  const directories = { contents: join(root, 'contents'), incoming: join(root, 'incoming') };
  const store = JobStore.create({ manifest, directories, arrivals: new Arrivals(1, systemClock) });
  t.teardown(() => store.close());
  await t.throwsAsync(store.put(0, layer.chunks[0] as Buffer), { code: 'CHUNK_CORRUPT' });
});

test('a chunk that is here, or just being written, is a duplicate', async (t) => {
  const { store, chunks } = setUp(t, [{ size: 100 }, { size: CHUNK_SIZE_BYTES }]);
  t.is(await store.put(0, chunks[0] as Buffer), 'stored');
  t.is(await store.put(0, chunks[0] as Buffer), 'duplicate');
  const twice = [store.put(1, chunks[1] as Buffer), store.put(1, chunks[1] as Buffer)];
  t.deepEqual(await Promise.all(twice), ['stored', 'duplicate']);
  t.is(store.bytesHeld, 100 + CHUNK_SIZE_BYTES);
});

for (const cacheMaxBytes of [0, 1 * MIB]) {
  test(`a held chunk is given back, before and after its content is whole, with ${cacheMaxBytes} bytes of cache`, async (t) => {
    const wanted = [{ size: 8 * MIB, extents: [0, MIB + 3, 2 * MIB, 6 * MIB] }, { size: 10 }];
    const { store, chunks } = setUp(t, wanted, undefined, cacheMaxBytes);
    const last = chunks.length - 2;
    for (let chunk = 0; chunk < last; chunk++) await store.put(chunk, chunks[chunk] as Buffer);
    for (let chunk = 0; chunk < last; chunk++)
      t.true((await store.get(chunk)).equals(chunks[chunk] as Buffer));
    await store.put(last, chunks[last] as Buffer);
    await store.put(last + 1, chunks[last + 1] as Buffer);
    for (let chunk = 0; chunk <= last + 1; chunk++)
      t.true((await store.get(chunk)).equals(chunks[chunk] as Buffer));
    await t.throwsAsync(setUp(t, [{ size: 1 }]).store.get(0), { message: /assertion/ });
  });
}

test('many contents that grow side by side keep few files open, and all come out right', async (t) => {
  const root = directory(t);
  const { store, chunks, files } = setUp(
    t,
    Array<TestContent>(100).fill({ size: 3 * CHUNK_SIZE_BYTES - 5 }),
    root,
  );
  const openFiles = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => targetOf(`/proc/self/fd/${fd}`).startsWith(root)).length;
  let most = 0;
  for (let turn = 0; turn < 3; turn++) {
    const puts = files.map((_, content) =>
      store.put(3 * content + turn, chunks[3 * content + turn] as Buffer),
    );
    await Promise.all(puts);
    most = Math.max(most, openFiles());
  }
  t.true(most > 0 && most <= 64, `${most} files open`);
  files.forEach((file, content) => t.true(readFileSync(store.contentPath(content)).equals(file)));
  await store.close();
  t.is(openFiles(), 0);
});

/** Nothing for a descriptor that was closed meanwhile: other threads of this process have theirs. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

test('close waits for what is being written, and nothing is taken afterwards', async (t) => {
  const { store, chunks, files } = setUp(t, [{ size: CHUNK_SIZE_BYTES }, { size: 1 }]);
  const put = store.put(0, chunks[0] as Buffer);
  await store.close();
  t.true(readFileSync(store.contentPath(0)).equals(files[0] as Buffer));
  t.is(await put, 'stored');
  await t.throwsAsync(store.put(1, chunks[1] as Buffer), { code: 'STORE_CLOSED' });
});

asRoot(
  `a full store is an error that names it, and what was whole stays readable (needs root: ${isRoot})`,
  async (t) => {
    const root = directory(t);
    mkdirSync(join(root, 'tmpfs'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tees-test', join(root, 'tmpfs')]);
    t.teardown(() => void execFileSync('umount', ['-l', join(root, 'tmpfs')]));
    const wanted = [{ size: 2 * CHUNK_SIZE_BYTES }, ...Array<TestContent>(200).fill({ size: 5000 })];
    const { store, chunks, files } = setUp(t, wanted, join(root, 'tmpfs'));
    let stored = 0;
    const error = await t.throwsAsync(
      async () => {
        for (; stored < chunks.length; stored++) await store.put(stored, chunks[stored] as Buffer);
      },
      { instanceOf: TeesError, code: 'STORE_FULL' },
    );
    t.regex(error.path ?? '', /tees-store-/);
    t.regex(error.hint ?? '', /store\.directory/);
    t.true(stored > 2);
    t.false(store.has(stored));
    for (let content = 0; content < stored - 1; content++)
      t.true(readFileSync(store.contentPath(content)).equals(files[content] as Buffer));
    t.false(existsSync(store.contentPath(stored - 1)));
  },
);

test('a store whose directory cannot be made says so', (t) => {
  const error = t.throws(
    () =>
      JobStore.create({
        manifest: makeLayer([]).manifest,
        directories: { contents: '/dev/null/contents', incoming: '/dev/null/incoming' },
        arrivals: new Arrivals(0, systemClock),
      }),
    { instanceOf: TeesError, code: 'STORE_FAILED' },
  );
  t.is(error.path, '/dev/null/contents');
});
