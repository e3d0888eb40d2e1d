import test from 'ava';
import { ChunkCache } from '../../../src/store/chunk-cache.js';
import { chunkBuffers } from '../../../src/wire/buffer-pool.js';

const absent = (): Promise<Buffer> => Promise.reject(new Error('not in the cache'));

test('what was used last stays, within the bound', async (t) => {
  const cache = new ChunkCache(3 * 1300);
  for (const chunk of [0, 1, 2]) cache.set(chunk, Buffer.alloc(1000, chunk));
  await cache.get(0, absent);
  cache.set(3, Buffer.alloc(1000, 3));
  await t.throwsAsync(cache.get(1, absent));
  t.deepEqual(await cache.get(0, absent), Buffer.alloc(1000, 0));
});

test('a small part of a large buffer does not keep the large one alive', async (t) => {
  const cache = new ChunkCache(10_000);
  const large = Buffer.alloc(1 << 20, 7);
  cache.set(0, large.subarray(100, 200));
  const cached = await cache.get(0, absent);
  t.deepEqual(cached, Buffer.alloc(100, 7));
  t.is(cached.buffer.byteLength, 100);
});

test('a cache of 0 bytes keeps nothing', async (t) => {
  const cache = new ChunkCache(0);
  cache.set(0, Buffer.alloc(1));
  await t.throwsAsync(cache.get(0, absent));
});

test('a chunk is fetched once, however many ask at the same time', async (t) => {
  const cache = new ChunkCache(10_000);
  let fetched = 0;
  const fetch = (): Promise<Buffer> => {
    fetched++;
    return Promise.resolve(Buffer.alloc(10, 1));
  };
  await Promise.all([cache.get(0, fetch), cache.get(0, fetch), cache.get(0, fetch)]);
  t.is(fetched, 1);
});

test('a failed fetch fails for everybody who waits, and may be tried again', async (t) => {
  const cache = new ChunkCache(10_000);
  await Promise.all([t.throwsAsync(cache.get(0, absent)), t.throwsAsync(cache.get(0, absent))]);
  t.is((await cache.get(0, () => Promise.resolve(Buffer.alloc(3)))).length, 3);
});

test("a pool's buffer is given to others only when neither cache nor readers hold it", async (t) => {
  const size = 200_000;
  const cache = new ChunkCache(300_000);
  const body = chunkBuffers.take(size);
  cache.set(0, body);
  chunkBuffers.release(body);
  const reader = await cache.get(0, absent);
  t.is(reader, body);
  cache.set(1, Buffer.alloc(100_000)); // chunk 0 goes
  const other = chunkBuffers.take(size);
  t.not(other.buffer, body.buffer, 'a reader still holds it');
  chunkBuffers.release(reader);
  t.is(chunkBuffers.take(size).buffer, body.buffer);
});
