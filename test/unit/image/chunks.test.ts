import test from 'ava';
import fc from 'fast-check';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { chunkCountOf, chunkLocation, contentOfChunk, verifyChunk } from '../../../src/image/chunks.js';
import { dataSize } from '../../../src/image/manifest.js';
import type { Content, Manifest } from '../../../src/image/manifest.js';
import { directory, file, manifestOf } from '../../support/manifest-parts.js';
import { randomManifest } from '../../support/random-manifest.js';

const contentAt = (manifest: Manifest, index: number): Content => manifest.contents[index] as Content;

test('the pieces of all chunks are exactly the extents, in order', (t) => {
  fc.assert(
    fc.property(randomManifest, (manifest) => {
      const covered: number[][] = manifest.contents.map(() => []);
      for (let chunk = 0; chunk < chunkCountOf(manifest); chunk++) {
        const { content, pieces, length, offset } = chunkLocation(manifest, chunk);
        const { firstChunk } = contentAt(manifest, content);
        t.is(offset, (chunk - firstChunk) * CHUNK_SIZE_BYTES);
        t.is(
          pieces.reduce((sum, [, size]) => sum + size, 0),
          length,
        );
        t.true(length > 0 && length <= CHUNK_SIZE_BYTES);
        for (const [at, size] of pieces) joinRange(covered[content] as number[], at, size);
      }
      t.deepEqual(
        covered,
        manifest.contents.map(({ extents }) => [...extents]),
      );
    }),
  );
});

function joinRange(ranges: number[], at: number, size: number): void {
  const end = (ranges.at(-2) ?? 0) + (ranges.at(-1) ?? 0);
  if (ranges.length > 0 && end === at) ranges[ranges.length - 1] = (ranges.at(-1) as number) + size;
  else ranges.push(at, size);
}

test('every chunk belongs to the content whose range it is in', (t) => {
  fc.assert(
    fc.property(randomManifest, (manifest) => {
      manifest.contents.forEach(({ firstChunk, chunkCount }, index) => {
        for (let chunk = firstChunk; chunk < firstChunk + chunkCount; chunk++)
          t.is(contentOfChunk(manifest, chunk), index);
      });
    }),
  );
});

test('a chunk that holds data from both sides of a hole lies in two pieces', (t) => {
  const content = { size: 1_000_000, extents: [4096, 1000, 500_000, 300_000], firstChunk: 0, chunkCount: 2 };
  const manifest: Manifest = { entries: [], contents: [content], digests: Buffer.alloc(64) };
  t.deepEqual(chunkLocation(manifest, 0).pieces, [
    [4096, 1000],
    [500_000, CHUNK_SIZE_BYTES - 1000],
  ]);
  t.deepEqual(chunkLocation(manifest, 1).pieces, [
    [500_000 + CHUNK_SIZE_BYTES - 1000, dataSize(content) - CHUNK_SIZE_BYTES],
  ]);
});

test('a chunk of a file of many thousand extents is found among them', (t) => {
  const extents = Array.from({ length: 50_000 }, (_, i) => [i * 8192, 4096]).flat();
  const content = { size: 50_000 * 8192, extents, firstChunk: 0, chunkCount: Math.ceil(50_000 / 64) };
  const manifest: Manifest = {
    entries: [],
    contents: [content],
    digests: Buffer.alloc(content.chunkCount * 32),
  };
  t.deepEqual(chunkLocation(manifest, 100).pieces[0], [100 * 64 * 8192, 4096]);
  t.is(chunkLocation(manifest, 100).pieces.length, 64);
});

test('a chunk outside the manifest is a bug of ours', (t) => {
  t.throws(() => chunkLocation(manifestOf(directory('')), 0), { message: /assertion/ });
});

test('only the very bytes of a chunk verify', (t) => {
  const manifest = manifestOf(directory(''), file('a', 'text'));
  t.true(verifyChunk(manifest, 0, Buffer.from('text')));
  t.false(verifyChunk(manifest, 0, Buffer.from('texT')));
  t.false(verifyChunk(manifest, 0, Buffer.from('text\0')));
  t.false(verifyChunk(manifest, 0, Buffer.alloc(0)));
});
