import test from 'ava';
import { BufferPool } from '../../../src/wire/buffer-pool.js';

test('a released buffer is used again, of the size that is asked for', (t) => {
  const pool = new BufferPool();
  const first = pool.take(250_000);
  pool.release(first);
  const second = pool.take(100_000);
  t.is(second.buffer, first.buffer);
  t.is(second.length, 100_000);
});

test('small and large bodies do not share buffers', (t) => {
  const pool = new BufferPool();
  const small = pool.take(10_000);
  pool.release(small);
  t.not(pool.take(200_000).buffer, small.buffer);
  t.is(pool.take(30_000).buffer, small.buffer);
});

test('a buffer that somebody still holds is not given away', (t) => {
  const pool = new BufferPool();
  const body = pool.take(250_000);
  pool.hold(body);
  pool.release(body);
  t.not(pool.take(250_000).buffer, body.buffer);
});

test('a release too many is a bug, and said', (t) => {
  const pool = new BufferPool();
  const body = pool.take(250_000);
  pool.release(body);
  t.throws(() => pool.release(body), { message: /once by each holder/ });
});

test('what did not come from the pool passes through', (t) => {
  const pool = new BufferPool();
  const foreign = Buffer.alloc(250_000);
  pool.hold(foreign);
  pool.release(foreign);
  t.not(pool.take(250_000).buffer, foreign.buffer);
});
