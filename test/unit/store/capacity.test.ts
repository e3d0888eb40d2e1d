import test from 'ava';
import { tmpdir } from 'node:os';
import { TeesError } from '../../../src/base/errors.js';
import { Capacity } from '../../../src/store/capacity.js';

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
