/**
 * A document on its way: cut into pieces, each deflated and verified by itself. Where it is cut depends on the bytes
 * there (content-defined chunking, by a gear hash), so that two documents that differ in a few places have all other
 * pieces in common, and a node that has kept them is not sent them again.
 * Literature: Xia et al., FastCDC, USENIX ATC 2016.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { TeesError } from '../base/errors.js';
import {
  DIGEST_SIZE_BYTES,
  DOCUMENT_PIECE_BITS_MAX,
  DOCUMENT_PIECE_BITS_MIN,
  DOCUMENT_PIECE_MAX_BYTES,
  DOCUMENT_PIECES_AIM,
  MANIFEST_ENCODED_MAX_BYTES,
} from '../base/limits.js';
import { chunkDigest } from './chunks.js';
import { invalid, tooLarge } from './rules.js';

export interface DocumentPieces {
  /** Deflated, in order. */
  readonly pieces: readonly Buffer[];
  /** SHA-256 of each, deflated: 32 bytes a piece. */
  readonly digests: Buffer;
  /** Of all pieces, deflated. */
  readonly sizeBytes: number;
}

/** Levels above cost several times the time for a few per cent (measured on /usr). */
const DEFLATE_LEVEL = 2;
/** A cut depends on so many bytes before it: those are shifted out of the hash by then. */
const HASH_BITS = 32;

/** @throws TeesError LAYER_TOO_LARGE */
export function cutDocument(document: Buffer): DocumentPieces {
  const pieces = cuts(document).map(([start, end]) =>
    deflateRawSync(document.subarray(start, end), { level: DEFLATE_LEVEL }),
  );
  const sizeBytes = pieces.reduce((sum, { length }) => sum + length, 0);
  if (sizeBytes > MANIFEST_ENCODED_MAX_BYTES) throw tooLarge();
  return { pieces, digests: Buffer.concat(pieces.map(chunkDigest)), sizeBytes };
}

/** @throws TeesError MANIFEST_INVALID */
export function joinPieces(pieces: readonly Buffer[], maxBytes: number): Buffer {
  const parts: Buffer[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    const part = inflate(piece);
    bytes += part.length;
    if (bytes > maxBytes) throw invalid('it is too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export function pieceDigest(digests: Buffer, piece: number): Buffer {
  return digests.subarray(piece * DIGEST_SIZE_BYTES, (piece + 1) * DIGEST_SIZE_BYTES);
}

function inflate(piece: Buffer): Buffer {
  try {
    return inflateRawSync(piece, { maxOutputLength: DOCUMENT_PIECE_MAX_BYTES });
  } catch (error) {
    throw new TeesError('MANIFEST_INVALID', "the layer's manifest is refused: a piece does not inflate", {
      cause: error,
      hint: 'It was damaged on its way: submit the job again.',
    });
  }
}

/** [start, end) of each piece; a document of any length has at least one. */
function cuts(document: Buffer): [start: number, end: number][] {
  const bits = Math.ceil(Math.log2(Math.max(1, document.length / DOCUMENT_PIECES_AIM)));
  const used = Math.min(DOCUMENT_PIECE_BITS_MAX, Math.max(DOCUMENT_PIECE_BITS_MIN, bits));
  const [least, most] = [2 ** (used - 2), Math.min(2 ** (used + 2), DOCUMENT_PIECE_MAX_BYTES)];
  const found: [number, number][] = [];
  let start = 0;
  do {
    const end = nextCut(document, start, { least, most, bits: used });
    found.push([start, end]);
    start = end;
  } while (start < document.length);
  return found;
}

/** The highest bits depend on the most bytes. */
function nextCut(
  document: Buffer,
  start: number,
  { least, most, bits }: { least: number; most: number; bits: number },
): number {
  const limit = Math.min(document.length, start + most);
  let hash = 0;
  for (let at = Math.min(limit, start + least); at < limit; at++) {
    hash = ((hash << 1) + (GEAR[document[at] as number] as number)) | 0;
    if (hash >>> (HASH_BITS - bits) === 0) return at + 1;
  }
  return limit;
}

/** One number a byte, random and always the same. */
const GEAR = Int32Array.from({ length: 256 }, (_, byte) => chunkDigest(Buffer.of(byte)).readInt32LE(0));
