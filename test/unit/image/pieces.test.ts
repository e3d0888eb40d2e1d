import test from 'ava';
import fc from 'fast-check';
import { randomFillSync } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import type { TeesError } from '../../../src/base/errors.js';
import {
  DIGEST_SIZE_BYTES,
  DOCUMENT_PIECE_MAX_BYTES,
  FRAME_BODY_MAX_BYTES,
} from '../../../src/base/limits.js';
import { chunkDigest } from '../../../src/image/chunks.js';
import { encodeManifest } from '../../../src/image/codec.js';
import { cutDocument, joinPieces, pieceDigest } from '../../../src/image/pieces.js';
import { directory, file, manifestOf } from '../../support/manifest-parts.js';

const MIB = 2 ** 20;

function random(bytes: number): Buffer {
  return randomFillSync(Buffer.alloc(bytes));
}

/** Bytes of pieces of `next` that are not among those of `before`. */
function fresh(before: Buffer, next: Buffer): number {
  const known = new Set(cutDocument(before).pieces.map((piece) => piece.toString('latin1')));
  return cutDocument(next)
    .pieces.filter((piece) => !known.has(piece.toString('latin1')))
    .reduce((sum, { length }) => sum + length, 0);
}

test('any document comes back as it was, and each piece has its digest', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200_000, size: 'max' }), (bytes) => {
      const document = Buffer.from(bytes);
      const { pieces, digests, sizeBytes } = cutDocument(document);
      t.deepEqual(joinPieces(pieces, document.length), document);
      t.is(digests.length, pieces.length * DIGEST_SIZE_BYTES);
      t.true(pieces.every((piece, index) => chunkDigest(piece).equals(pieceDigest(digests, index))));
      t.is(
        sizeBytes,
        pieces.reduce((sum, { length }) => sum + length, 0),
      );
    }),
    { numRuns: 50 },
  );
});

test('an empty document is one piece', (t) => {
  const { pieces } = cutDocument(Buffer.alloc(0));
  t.is(pieces.length, 1);
  t.is(joinPieces(pieces, 0).length, 0);
});

test('what is put into a document, taken out of it or changed costs a few pieces', (t) => {
  const before = random(4 * MIB);
  const changed = Buffer.from(before);
  changed.writeUInt32LE(42, 2 * MIB);
  const longer = Buffer.concat([before.subarray(0, MIB), random(100), before.subarray(MIB)]);
  const shorter = Buffer.concat([before.subarray(0, MIB), before.subarray(MIB + 100)]);
  for (const next of [changed, longer, shorter])
    t.true(fresh(before, next) < 100_000, `${fresh(before, next)}`);
  t.is(fresh(before, before), 0);
  // The measure measures.
  t.true(fresh(before, random(4 * MIB)) > 4 * MIB);
});

test('no piece exceeds a frame, whatever the document holds and however large it is', (t) => {
  for (const document of [random(16 * MIB), Buffer.alloc(64 * MIB), Buffer.alloc(16 * MIB, 'abc')]) {
    const { pieces } = cutDocument(document);
    t.true(pieces.every(({ length }) => length <= FRAME_BODY_MAX_BYTES));
    t.true(pieces.length < 6000, `${pieces.length}`);
    t.true(joinPieces(pieces, document.length).equals(document));
  }
});

test('a hundred similar files take few bytes each besides their digests', (t) => {
  const files = Array.from({ length: 100 }, (_, i) => file(`package-${1000 + i}.py`, `text ${i}`));
  const manifest = manifestOf(directory(''), ...files);
  const { sizeBytes } = cutDocument(encodeManifest(manifest));
  const bytesPerEntry = (sizeBytes - manifest.digests.length) / files.length;
  t.true(bytesPerEntry < 10, `${bytesPerEntry} bytes an entry`);
});

const refused = (pieces: readonly Buffer[], maxBytes: number): string | undefined =>
  codeOf(() => joinPieces(pieces, maxBytes));

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as TeesError).code;
  }
}

test('pieces that do not inflate, inflate to too much, or are too much together are refused', (t) => {
  t.is(refused([random(1000)], MIB), 'MANIFEST_INVALID');
  const bomb = deflateRawSync(Buffer.alloc(DOCUMENT_PIECE_MAX_BYTES + 1));
  t.is(refused([bomb], 16 * MIB), 'MANIFEST_INVALID');
  const most = deflateRawSync(Buffer.alloc(DOCUMENT_PIECE_MAX_BYTES));
  t.is(refused([most, most], 2 * DOCUMENT_PIECE_MAX_BYTES), undefined);
  t.is(refused([most, most], 2 * DOCUMENT_PIECE_MAX_BYTES - 1), 'MANIFEST_INVALID');
});
