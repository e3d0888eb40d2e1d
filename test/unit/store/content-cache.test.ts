import test from 'ava';
import type { ExecutionContext } from 'ava';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { chunkDigest } from '../../../src/image/chunks.js';
import type { Content } from '../../../src/image/manifest.js';
import { ContentCache } from '../../../src/store/content-cache.js';
import { contentKey, keyOf } from '../../../src/store/content-key.js';
import type { ContentKey } from '../../../src/store/content-key.js';
import { file, manifestOf } from '../../support/manifest-parts.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const ENTRY_BYTES = 1024;

class Fixture {
  readonly directory: string;
  readonly jobs: string;
  #next = 0;

  constructor(t: ExecutionContext) {
    const root = temporaryDirectory('cache');
    t.teardown(() => rmSync(root, { recursive: true, force: true }));
    [this.directory, this.jobs] = [join(root, 'cache'), join(root, 'jobs')];
    mkdirSync(this.jobs);
  }

  open(maxBytes = 1e6): ContentCache {
    return new ContentCache(this.directory, maxBytes);
  }

  newPath(): string {
    return join(this.jobs, String(this.#next++));
  }

  /** A job that has brought this, and is over. */
  keep(cache: ContentCache, text: string): ContentKey {
    const [owner, path] = [{}, this.newPath()];
    writeFileSync(path, text);
    cache.offer(owner, keyFor(text), { path, size: text.length, dataBytes: text.length });
    cache.release(owner, keyFor(text), path);
    return keyFor(text);
  }

  files(): string[] {
    return readdirSync(this.directory).filter((name) => name !== 'boot');
  }
}

function keyFor(text: string): ContentKey {
  return keyOf(chunkDigest(Buffer.from(text)));
}

test('what a job has brought is there for the next one, as the same file', (t) => {
  const fixture = new Fixture(t);
  const cache = fixture.open();
  const key = fixture.keep(cache, 'text');
  const path = fixture.newPath();
  t.true(cache.take(key, path));
  t.is(readFileSync(path, 'utf8'), 'text');
  t.is(statSync(path).nlink, 2);
  t.false(cache.take(keyFor('other'), fixture.newPath()));
});

test('a job takes what another one has, before that is over', (t) => {
  const fixture = new Fixture(t);
  const cache = fixture.open();
  const [first, mine, its] = [{}, fixture.newPath(), fixture.newPath()];
  writeFileSync(its, 'text');
  cache.offer(first, keyFor('text'), { path: its, size: 4, dataBytes: 4 });
  t.true(cache.take(keyFor('text'), mine));
  cache.release(first, keyFor('text'), its);
  t.is(cache.idleBytes, 0, 'the second one still uses it');
  cache.release({}, keyFor('text'), mine);
  t.is(cache.idleBytes, 4 + ENTRY_BYTES);
  t.is(fixture.files().length, 1);
});

test('what was used least recently goes first, and nothing that a job uses', (t) => {
  const fixture = new Fixture(t);
  const cache = fixture.open(3 * (ENTRY_BYTES + 4));
  const [a, b, c] = ['aaaa', 'bbbb', 'cccc'].map((text) => fixture.keep(cache, text)) as [
    ContentKey,
    ContentKey,
    ContentKey,
  ];
  t.true(cache.take(a, fixture.newPath()));
  fixture.keep(cache, 'dddd');
  fixture.keep(cache, 'eeee');
  t.true(cache.take(a, fixture.newPath()), 'it is in use');
  t.false(cache.take(b, fixture.newPath()), 'the oldest');
  t.true(cache.take(c, fixture.newPath()));
  cache.shrink(0);
  t.is(cache.idleBytes, 0);
  t.is(fixture.files().length, 2, 'those that are in use');
});

test('what is larger than all that may be kept is not kept', (t) => {
  const fixture = new Fixture(t);
  const cache = fixture.open(ENTRY_BYTES + 10);
  t.false(cache.take(fixture.keep(cache, 'x'.repeat(11)), fixture.newPath()));
  t.deepEqual(fixture.files(), []);
});

test('where nothing is to be kept nothing is', (t) => {
  const fixture = new Fixture(t);
  const cache = fixture.open(0);
  const path = fixture.newPath();
  writeFileSync(path, 'text');
  t.false(cache.offer({}, keyFor('text'), { path, size: 4, dataBytes: 4 }));
  cache.write(chunkDigest(Buffer.from('text')), Buffer.from('text'));
  t.is(cache.read(chunkDigest(Buffer.from('text'))), undefined);
  t.false(existsSync(fixture.directory));
});

test('a later daemon finds what is whole, and removes what is not', (t) => {
  const fixture = new Fixture(t);
  const before = fixture.open();
  const [key, short] = [fixture.keep(before, 'text'), fixture.keep(before, 'longer')];
  for (const name of fixture.files())
    if (name.endsWith('-6')) writeFileSync(join(fixture.directory, name), 'long');
  writeFileSync(join(fixture.directory, 'what is this'), '');
  const after = fixture.open();
  t.true(after.take(key, fixture.newPath()));
  t.false(after.take(short, fixture.newPath()));
  t.is(fixture.files().length, 1);
});

test('after another boot nothing counts', (t) => {
  const fixture = new Fixture(t);
  const key = fixture.keep(fixture.open(), 'text');
  writeFileSync(join(fixture.directory, 'boot'), 'another');
  t.false(fixture.open().take(key, fixture.newPath()));
  t.deepEqual(fixture.files(), []);
});

test('small bytes that are not what they were are not given', (t) => {
  const fixture = new Fixture(t);
  const cache = fixture.open();
  const digest = chunkDigest(Buffer.from('piece'));
  cache.write(digest, Buffer.from('piece'));
  t.is(cache.read(digest)?.toString(), 'piece');
  const [name = ''] = fixture.files();
  rmSync(join(fixture.directory, name));
  writeFileSync(join(fixture.directory, name), 'PIECE');
  t.is(cache.read(digest), undefined);
  t.false(existsSync(join(fixture.directory, name)));
});

test('a chunk of a larger content is of use by itself, while that is here', async (t) => {
  const fixture = new Fixture(t);
  const cache = fixture.open(1e7);
  const data = Buffer.concat([
    Buffer.alloc(CHUNK_SIZE_BYTES, 1),
    Buffer.alloc(CHUNK_SIZE_BYTES, 2),
    Buffer.from('3'),
  ]);
  const manifest = manifestOf(file('large', data));
  const [owner, path, key] = [{}, fixture.newPath(), contentKey(manifest, 0)];
  writeFileSync(path, data);
  cache.offer(owner, key, { path, size: data.length, dataBytes: data.length, chunks: manifest.digests });
  const second = keyOf(chunkDigest(Buffer.alloc(CHUNK_SIZE_BYTES, 2)));
  t.deepEqual(await cache.chunk(second, CHUNK_SIZE_BYTES), Buffer.alloc(CHUNK_SIZE_BYTES, 2));
  cache.release(owner, key, path);
  t.deepEqual(await cache.chunk(second, CHUNK_SIZE_BYTES), Buffer.alloc(CHUNK_SIZE_BYTES, 2));
  cache.shrink(0);
  t.is(await cache.chunk(second, CHUNK_SIZE_BYTES), undefined);
});

test('equal keys mean equal bytes and equal holes', (t) => {
  const two = Buffer.alloc(2 * CHUNK_SIZE_BYTES, 7);
  const manifest = manifestOf(file('a', 'text'), file('b', 'text'), file('c', two));
  const digests = file('d', manifest.digests.subarray(2 * 32));
  const other = manifestOf(digests);
  const holey = { ...manifest, contents: [{ ...(manifest.contents[0] as Content), size: 9 }] };
  t.is(contentKey(manifest, 0), contentKey(manifest, 1));
  t.not(contentKey(holey, 0), contentKey(manifest, 0));
  t.not(contentKey(other, 0), contentKey(manifest, 2), 'a file of nothing but the digests of another one');
});
