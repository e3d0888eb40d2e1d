/** Jobs on one node that lack the same contents: one is sent them, the others take them as they come. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContentCache } from '../../../src/store/content-cache.js';
import { JobContents } from '../../../src/store/job-contents.js';
import type { FillableStore } from '../../../src/store/job-contents.js';
import { isOlder } from '../../../src/store/on-the-way.js';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import type { Manifest } from '../../../src/image/manifest.js';
import { file, manifestOf } from '../../support/manifest-parts.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const LARGE = Buffer.alloc(2 * CHUNK_SIZE_BYTES + 10, 'large');
const BOTH = manifestOf(file('a', 'one'), file('b', LARGE));
const MORE = manifestOf(file('a', 'one'), file('b', LARGE), file('c', 'three'));

/** A job as far as its contents are concerned. */
class Job implements FillableStore {
  readonly contents: JobContents;
  readonly told: string[] = [];
  readonly #whole = new Set<number>();
  readonly #chunks = new Set<number>();
  isClosed = false;

  constructor(
    private readonly directory: string,
    cache: ContentCache,
    private readonly manifest: Manifest,
    private readonly name: string,
    private readonly fedByLogin: boolean,
  ) {
    mkdirSync(directory, { recursive: true });
    this.contents = new JobContents(cache, manifest);
  }

  async open(mayWait = true): Promise<this> {
    await this.contents.fill(this);
    const say =
      (what: string) =>
      (value?: number | Error): void =>
        void this.told.push(
          value === undefined ? what : `${what} ${value instanceof Error ? value.message : value}`,
        );
    const port = {
      job: this.name,
      isFedByLogin: () => this.fedByLogin,
      onFound: say('found'),
      onAlone: say('alone'),
      onWanted: say('wanted'),
      onFailed: say('failed'),
    };
    this.contents.join(this, port, mayWait);
    return this;
  }

  /** It arrives from the parent. */
  receive(content: number): void {
    const [first, count] = this.chunksOf(content);
    for (let chunk = first; chunk < first + count; chunk++) this.#chunks.add(chunk);
    writeFileSync(this.contentPath(content), content === 1 ? LARGE : 'small');
    this.#whole.add(content);
    this.contents.brought(content, this.contentPath(content));
  }

  receiveChunk(chunk: number): void {
    this.#chunks.add(chunk);
  }

  async end(): Promise<void> {
    this.isClosed = true;
    await this.contents.leave((content) => this.contentPath(content));
  }

  isWhole(content: number): boolean {
    return this.#whole.has(content);
  }

  has(chunk: number): boolean {
    return this.#chunks.has(chunk);
  }

  chunksOf(content: number): readonly [number, number] {
    const { firstChunk, chunkCount } = this.manifest.contents[content]!;
    return [firstChunk, chunkCount];
  }

  chunkBytes(): number {
    return CHUNK_SIZE_BYTES;
  }

  contentPath(content: number): string {
    return join(this.directory, String(content));
  }

  found(content: number): void {
    this.#whole.add(content);
    this.contents.brought(content, this.contentPath(content));
  }

  put(): Promise<void> {
    return Promise.resolve();
  }
}

function node(
  t: ExecutionContext,
  cacheBytes = 1e9,
): { job: (manifest: Manifest, name?: string, fedByLogin?: boolean) => Job; cache: ContentCache } {
  const directory = temporaryDirectory('on-the-way');
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const cache = new ContentCache(join(directory, 'cache'), cacheBytes);
  let count = 0;
  return {
    cache,
    job: (manifest, name = `mwz-${count}`, fedByLogin = false) =>
      new Job(join(directory, `job${count++}`), cache, manifest, name, fedByLogin),
  };
}

test('who lacks what is on its way for another waits, and has each content when that has it', async (t) => {
  const { cache, job } = node(t);
  const first = await job(BOTH).open();
  const second = await job(BOTH).open();
  t.false(first.contents.isWaiting);
  t.true(second.contents.isWaiting);
  first.receive(1);
  t.deepEqual(second.told, ['found 1']);
  t.is(statSync(second.contentPath(1)).ino, statSync(first.contentPath(1)).ino);
  t.true(second.contents.isWaiting);
  first.receive(0);
  t.deepEqual(second.told, ['found 1', 'found 0', 'alone']);
  t.false(second.contents.isWaiting);
  t.deepEqual(first.told, []);
  t.is(cache.busyBytes, LARGE.length + 3, 'both jobs, each content once');
  t.is(second.contents.sharedBytes, LARGE.length + 3);
  await first.end();
  t.is(readFileSync(second.contentPath(1)).length, LARGE.length);
  await second.end();
  t.is(cache.busyBytes, 0);
});

test('who lacks anything else is sent all that it lacks, and others may wait for that', async (t) => {
  const { job } = node(t);
  await job(BOTH).open();
  const more = await job(MORE).open();
  t.false(more.contents.isWaiting);
  t.true((await job(MORE).open()).contents.isWaiting);
});

test('who cannot ask not to be sent it does not wait', async (t) => {
  const { job } = node(t);
  await job(BOTH).open();
  t.false((await job(BOTH).open(false)).contents.isWaiting);
});

test('who waits waits for an older job, or for one that the login node sends it to: never in a circle', async (t) => {
  const one = node(t);
  await one.job(BOTH, 'mwz-8').open();
  t.false((await one.job(BOTH, 'mwz-7').open()).contents.isWaiting);
  t.true((await one.job(BOTH, 'mwz-9').open()).contents.isWaiting);
  const other = node(t);
  await other.job(BOTH, 'mwz-8', true).open();
  t.true((await other.job(BOTH, 'mwz-7').open()).contents.isWaiting);
});

test('of two jobs one is older, whichever daemon has named them', (t) => {
  const inOrder = ['zzz-30', 'mwz0-9', 'mwz0-10', 'mwz1-2', 'mwz1-11'];
  for (const [at, name] of inOrder.entries()) {
    t.false(isOlder(name, name));
    for (const later of inOrder.slice(at + 1)) {
      t.true(isOlder(name, later), `${name} ${later}`);
      t.false(isOlder(later, name), `${later} ${name}`);
    }
  }
});

test('who goes alone is sent the rest, and takes nothing more from the other', async (t) => {
  const { job } = node(t);
  const first = await job(BOTH).open();
  const second = await job(BOTH).open();
  second.contents.goAlone();
  t.deepEqual(second.told, ['alone']);
  first.receive(0);
  t.deepEqual(second.told, ['alone']);
  t.false(second.contents.isWaiting);
});

test('a read that waits hurries what comes for another', async (t) => {
  const { job } = node(t);
  const first = await job(BOTH).open();
  const second = await job(BOTH).open();
  second.contents.hurry(1);
  t.deepEqual(first.told, ['wanted 1']);
  first.receive(1);
  second.contents.hurry(1);
  t.deepEqual(first.told, ['wanted 1']);
});

test('what grows elsewhere shows that something moves', async (t) => {
  const { job } = node(t);
  const first = await job(BOTH).open();
  const second = await job(BOTH).open();
  t.is(second.contents.bytesOnTheWay, 0);
  first.receiveChunk(first.chunksOf(1)[0]);
  t.is(second.contents.bytesOnTheWay, CHUNK_SIZE_BYTES);
  first.receive(1);
  t.is(second.contents.bytesOnTheWay, 0);
});

test('when it was in vain one of those who wait is sent the rest, and the others wait for that one', async (t) => {
  const { job } = node(t);
  const first = await job(BOTH).open();
  const [second, third] = [await job(BOTH).open(), await job(BOTH).open()];
  first.receive(0);
  await first.end();
  t.deepEqual(second.told, ['found 0', 'alone']);
  t.deepEqual(third.told, ['found 0']);
  t.true(third.contents.isWaiting);
  second.receive(1);
  t.deepEqual(third.told, ['found 0', 'found 1', 'alone']);
});

test('who is over waits for nothing, and is told nothing', async (t) => {
  const { job } = node(t);
  const first = await job(BOTH).open();
  const second = await job(BOTH).open();
  await second.end();
  first.receive(0);
  first.receive(1);
  t.deepEqual(second.told, []);
});

test('what cannot be put in its place is the trouble of who waits alone', async (t) => {
  const { job } = node(t);
  const first = await job(BOTH).open();
  const second = await job(BOTH).open();
  second.found = () => {
    throw new Error('no room');
  };
  t.notThrows(() => first.receive(0));
  t.regex(second.told.join(), /^failed .*no room/);
  t.notThrows(() => first.receive(1));
});

test('nodes that keep nothing share nothing', async (t) => {
  const { job } = node(t, 0);
  await job(BOTH).open();
  t.false((await job(BOTH).open()).contents.isWaiting);
});

test('of two who are sent it one may have it and go: the other still brings it', async (t) => {
  const { job } = node(t, 100);
  const first = await job(BOTH).open();
  const more = await job(MORE).open();
  first.receive(1);
  await first.end();
  // What it had is more than is kept.
  const third = await job(BOTH).open();
  t.true(third.contents.isWaiting);
  more.receive(1);
  t.deepEqual(third.told, ['found 1']);
});

test('who is over before it has begun is waited for by nobody', async (t) => {
  const { job } = node(t);
  const first = job(BOTH);
  await first.contents.fill(first);
  // Behind its last look at that.
  first.isClosed = true;
  first.contents.join(first, { job: 'mwz-0', isFedByLogin: () => true } as never, true);
  t.false((await job(BOTH).open()).contents.isWaiting);
});
