import test from 'ava';
import { fstatSync, openSync } from 'node:fs';
import { DescriptorCache } from '../../../src/store/descriptor-cache.js';

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

function setUp(max: number) {
  const opened: number[] = [];
  const cache = new DescriptorCache(max, (key) => {
    opened.push(key);
    return openSync('/dev/null', 'r');
  });
  return { cache, opened };
}

test('a key is opened once while it is among the last used', (t) => {
  const { cache, opened } = setUp(2);
  const first = cache.use(7);
  cache.done(first);
  const second = cache.use(7);
  cache.done(second);
  t.is(first.fd, second.fd);
  t.deepEqual(opened, [7]);
  cache.close();
});

test('the least recently used is closed first', (t) => {
  const { cache } = setUp(2);
  const files = [1, 2].map((key) => cache.use(key));
  for (const file of files) cache.done(file);
  cache.done(cache.use(1));
  cache.done(cache.use(3));
  t.deepEqual(
    files.map((file) => isOpen(file.fd)),
    [true, false],
  );
  cache.close();
  t.false(isOpen((files[0] as { fd: number }).fd));
});

test('a file in use is not closed before its last user is done', (t) => {
  const { cache } = setUp(1);
  const file = cache.use(1);
  t.is(cache.use(1), file);
  const other = cache.use(2);
  cache.done(file);
  t.true(isOpen(file.fd));
  cache.done(file);
  t.false(isOpen(file.fd));
  cache.done(other);
  cache.close();
});

test('a dropped file is opened anew', (t) => {
  const { cache, opened } = setUp(4);
  cache.done(cache.use(1));
  cache.drop(1);
  cache.done(cache.use(1));
  t.deepEqual(opened, [1, 1]);
  cache.close();
});
