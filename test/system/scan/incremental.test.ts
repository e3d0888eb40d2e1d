import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScanStatistics } from '../../../src/scan/scan.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { randomBytesOf } from '../../support/special-layer.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** Longer than the window in which a change time is not trusted yet. */
const SETTLED_MS = 120;
const MIB = 2 ** 20;

interface Layer {
  readonly upper: string;
  readonly state: string;
  readonly cacheFile: string;
  readonly scan: () => Promise<ScanStatistics & { digests: Buffer }>;
}

const layerTest = (title: string, run: (t: ExecutionContext, layer: Layer) => Promise<void>): void =>
  test(title, async (t) => {
    const base = temporaryDirectory('incremental');
    const [upper, state] = [join(base, 'upper'), join(base, 'state')];
    for (const dir of [upper, state]) mkdirSync(dir);
    const cacheFile = join(state, 'digests');
    const scan = async () => {
      const source = await scanLayer(upper, { cacheFile });
      await source.close();
      return { ...source.statistics, digests: source.manifest.digests };
    };
    try {
      await run(t, { upper, state, cacheFile, scan });
    } finally {
      rmSync(base, { recursive: true });
    }
  });

layerTest('a second scan of an unchanged layer of 300 MB hashes nothing', async (t, { upper, scan }) => {
  for (let i = 0; i < 30; i++) writeFileSync(join(upper, `file-${i}`), randomBytesOf(i, 10 * MIB));
  await sleep(SETTLED_MS);
  const first = await scan();
  t.is(first.bytesHashed, 300 * MIB);
  const second = await scan();
  t.is(second.bytesHashed, 0);
  t.is(second.bytesReused, 300 * MIB);
  t.deepEqual(second.digests, first.digests);
});

layerTest('only the file that changed is hashed again', async (t, { upper, scan }) => {
  for (const name of ['a', 'b', 'c']) writeFileSync(join(upper, name), name.repeat(1000));
  await sleep(SETTLED_MS);
  const first = await scan();
  writeFileSync(join(upper, 'b'), 'B'.repeat(1000));
  const second = await scan();
  t.is(second.bytesHashed, 1000);
  t.notDeepEqual(second.digests, first.digests);
});

layerTest(
  'a change that leaves size and modification time as they were is seen',
  async (t, { upper, scan }) => {
    const file = join(upper, 'a');
    writeFileSync(file, 'old');
    utimesSync(file, 1000, 1000);
    await sleep(SETTLED_MS);
    const first = await scan();
    writeFileSync(file, 'new');
    utimesSync(file, 1000, 1000);
    t.notDeepEqual((await scan()).digests, first.digests);
  },
);

layerTest('a renamed file is not hashed for its new name alone', async (t, { upper, scan }) => {
  writeFileSync(join(upper, 'a'), 'text');
  await sleep(SETTLED_MS);
  await scan();
  mkdirSync(join(upper, 'd'));
  renameSync(join(upper, 'a'), join(upper, 'd', 'b'));
  // A rename changes the change time: one more hash, and then it is known under its inode again.
  await scan();
  await sleep(SETTLED_MS);
  await scan();
  t.is((await scan()).bytesHashed, 0);
});

layerTest('sparse files and empty files come out of the cache as they were', async (t, { upper, scan }) => {
  execFileSync('truncate', ['-s', '1M', join(upper, 'hole')]);
  execFileSync('dd', [
    'if=/dev/urandom',
    `of=${join(upper, 'data')}`,
    'bs=64k',
    'seek=8',
    'count=1',
    'status=none',
  ]);
  writeFileSync(join(upper, 'empty'), '');
  await sleep(SETTLED_MS);
  const first = await scan();
  t.is(first.bytesHashed, 65536);
  const second = await scan();
  t.is(second.bytesHashed, 0);
  t.is(second.manifestBytes, first.manifestBytes);
});

const DAMAGE: Record<string, (bytes: Buffer) => Buffer> = {
  'a missing byte': (bytes) => bytes.subarray(0, -1),
  'a flipped bit': (bytes) => {
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 5) ^ 4, bytes.length - 5);
    return bytes;
  },
  'no bytes': () => Buffer.alloc(0),
  'other bytes': () => Buffer.from('not a cache at all, but a text of some length, longer than its header'),
};
for (const [damage, apply] of Object.entries(DAMAGE))
  layerTest(`a cache file with ${damage} is ignored, and replaced`, async (t, { upper, cacheFile, scan }) => {
    writeFileSync(join(upper, 'a'), 'text');
    await sleep(SETTLED_MS);
    const first = await scan();
    writeFileSync(cacheFile, apply(readFileSync(cacheFile)));
    const second = await scan();
    t.is(second.bytesHashed, 4);
    t.deepEqual(second.digests, first.digests);
    t.is((await scan()).bytesHashed, 0);
  });

layerTest('the cache forgets files that are gone, and leaves nothing beside it', async (t, layer) => {
  const { upper, state, cacheFile, scan } = layer;
  for (let i = 0; i < 100; i++) writeFileSync(join(upper, `${i}`), `text ${i}`);
  await sleep(SETTLED_MS);
  await scan();
  const before = readFileSync(cacheFile).length;
  for (let i = 1; i < 100; i++) rmSync(join(upper, `${i}`));
  await scan();
  t.true(readFileSync(cacheFile).length < before / 10);
  t.deepEqual(readdirSync(state), ['digests']);
});

test('a cache that cannot be written does not fail the scan', async (t) => {
  const upper = temporaryDirectory('incremental');
  try {
    writeFileSync(join(upper, 'a'), 'text');
    const source = await scanLayer(upper, { cacheFile: join(upper, 'missing', 'digests') });
    t.is(source.statistics.bytesHashed, 4);
    await source.close();
  } finally {
    rmSync(upper, { recursive: true });
  }
});
