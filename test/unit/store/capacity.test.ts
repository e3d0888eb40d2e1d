import test from 'ava';
import { tmpdir } from 'node:os';
import { TeesError } from '../../../src/base/errors.js';
import { Capacity } from '../../../src/store/capacity.js';
import type { SharedContents } from '../../../src/store/capacity.js';

test('reservations add up to the configured size and no further', (t) => {
  const capacity = new Capacity('/store', 1000, () => 1e9);
  capacity.reserve('a', 600);
  const error = t.throws(() => capacity.reserve('b', 500), { instanceOf: TeesError, code: 'STORE_FULL' });
  t.regex(error.message, /500 bytes needed, 400 available/);
  t.is(error.path, '/store');
  t.regex(error.hint ?? '', /store\.size/);
  capacity.reserve('b', 400);
  t.is(capacity.availableBytes, 0);
});

test('what is released can be reserved again', (t) => {
  const capacity = new Capacity('/store', 1000, () => 1e9);
  capacity.reserve('a', 1000);
  capacity.release('a');
  capacity.release('a');
  capacity.reserve('b', 1000);
  t.is(capacity.reservedBytes, 1000);
});

test('a file system fuller than store.size allows for is named', (t) => {
  const capacity = new Capacity('/store', 1000, () => 300);
  const error = t.throws(() => capacity.reserve('a', 301), { instanceOf: TeesError, code: 'STORE_FULL' });
  t.regex(error.hint ?? '', /file system/);
  capacity.reserve('a', 300);
});

test('what a job has written of its reservation is not counted twice', (t) => {
  let free = 1000;
  const capacity = new Capacity('/store', 5000, () => free);
  capacity.reserve('a', 600);
  free -= 600;
  capacity.reserve('b', 400);
  t.is(capacity.reservedBytes, 1000);
});

test('what others have written meanwhile is not available', (t) => {
  let free = 1000;
  const capacity = new Capacity('/store', 5000, () => free);
  capacity.reserve('a', 100);
  free = 250;
  t.throws(() => capacity.reserve('b', 300), { code: 'STORE_FULL' });
});

test('a second reservation of a job is a bug of the caller', (t) => {
  const capacity = new Capacity('/store', 1000, () => 1e9);
  capacity.reserve('a', 1);
  t.throws(() => capacity.reserve('a', 1), { message: /assertion/ });
});

test('the free bytes are those of the directory', (t) => {
  t.true(new Capacity(tmpdir(), Number.MAX_SAFE_INTEGER).availableBytes > 0);
  t.throws(() => new Capacity(`${tmpdir()}/tees-no-such-directory`, 1), { code: 'STORE_FAILED' });
});

test('what a job of an earlier daemon has on the file system already is not counted twice', (t) => {
  const capacity = new Capacity('/store', 1000, () => 400);
  capacity.keep('restored', 600, 500);
  t.is(capacity.availableBytes, 300);
  capacity.release('restored');
  t.is(capacity.availableBytes, 400);
});

function sharing(shared: SharedContents, sizeBytes = 1000, freeBytes = 1e9): Capacity {
  return new Capacity(
    '/store',
    sizeBytes,
    () => freeBytes,
    () => shared,
  );
}

test('what jobs share counts once, as soon as they know it', (t) => {
  const shared = { isOn: true, busyBytes: 0 };
  const capacity = sharing(shared);
  capacity.reserve('a', 600, () => shared.busyBytes);
  shared.busyBytes = 500;
  t.is(capacity.reservedBytes, 600);
  let taken = 0;
  capacity.reserve('b', 600, () => taken);
  t.is(capacity.availableBytes, 0);
  taken = 500;
  capacity.settle('b');
  t.is(capacity.reservedBytes, 700);
  capacity.release('a');
  t.is(capacity.reservedBytes, 600);
});

test('what does not fit in the end is refused, and whoever was first has the room', (t) => {
  const capacity = sharing({ isOn: true, busyBytes: 0 });
  capacity.reserve('first', 600);
  capacity.reserve('second', 600);
  capacity.reserve('third', 400);
  const error = t.throws(() => capacity.settle('second'), { instanceOf: TeesError, code: 'STORE_FULL' });
  t.regex(error.message, /600 bytes needed, 400 available/);
  capacity.release('second');
  t.notThrows(() => capacity.settle('third'));
  t.notThrows(() => capacity.settle('third'));
  t.throws(() => capacity.reserve('fourth', 1001), { code: 'STORE_FULL' });
});

test('what jobs of an earlier daemon share is there once', (t) => {
  const shared = { isOn: true, busyBytes: 0 };
  // 1000 of which 700 are held: 500 by both jobs, 200 by one alone.
  const capacity = sharing(shared, 5000, 300);
  shared.busyBytes = 500;
  capacity.keep('a', 600, 0, () => 500);
  capacity.keep('b', 800, 200, () => 500);
  // All that it lacks is on its way for others.
  capacity.keep('c', 600, 0, () => 600);
  t.is(capacity.reservedBytes, 500 + 100 + 300);
  t.is(capacity.availableBytes, 100);
});
