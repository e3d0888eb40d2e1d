import test from 'ava';
import type { BigIntStats } from 'node:fs';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileData } from '../../../src/scan/digest-cache.js';
import { DigestCache } from '../../../src/scan/digest-cache.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const SECOND_NS = 1_000_000_000n;
const MILLISECOND_NS = 1_000_000n;
const changedNs = 1_700_000_000n * SECOND_NS + 123_456_789n;
const data: FileData = { size: 4, extents: [0, 4], digests: Buffer.alloc(32, 7) };

const stat = (more: Partial<BigIntStats> = {}): BigIntStats =>
  ({ dev: 5n, ino: 2n ** 63n + 1n, size: 4n, ctimeNs: changedNs, ...more }) as BigIntStats;

/** What the next scan knows when this one had started at `startedNs`. */
function nextCache(startedNs: bigint, hashed = stat()): DigestCache {
  const dir = temporaryDirectory('digest-cache');
  try {
    const cache = DigestCache.load(undefined);
    cache.add(hashed, data);
    writeFileSync(join(dir, 'digests'), cache.encode(startedNs) ?? '');
    return DigestCache.load(join(dir, 'digests'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('what was hashed long after it had changed is known to the next scan', (t) => {
  t.deepEqual(nextCache(changedNs + SECOND_NS).find(stat()), data);
});

test('what had changed just before or during the scan is not', (t) => {
  for (const sinceNs of [10n * MILLISECOND_NS, 0n, -SECOND_NS])
    t.is(nextCache(changedNs + sinceNs).find(stat()), undefined);
});

test('a time of whole seconds may come from a coarse file system: it is not trusted for longer', (t) => {
  const coarse = stat({ ctimeNs: 1_700_000_000n * SECOND_NS });
  t.is(nextCache(coarse.ctimeNs + SECOND_NS, coarse).find(coarse), undefined);
  t.deepEqual(nextCache(coarse.ctimeNs + 3n * SECOND_NS, coarse).find(coarse), data);
});

test('another device, inode, size or change time is another file', (t) => {
  const cache = nextCache(changedNs + SECOND_NS);
  const others = [{ dev: 6n }, { ino: 2n ** 63n }, { size: 5n }, { ctimeNs: changedNs + 1n }];
  for (const other of others) t.is(cache.find(stat(other)), undefined);
});

test('a cache that would be the same need not be written', (t) => {
  const cache = nextCache(changedNs + SECOND_NS);
  cache.find(stat());
  t.is(cache.encode(changedNs + SECOND_NS), undefined);
});
