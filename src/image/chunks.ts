/**
 * Chunks: the unit of transfer and verification. The bytes of a content's extents, put together without its
 * holes, are cut every CHUNK_SIZE_BYTES; where a chunk lies in the file can therefore be in several pieces.
 */
import { hash } from 'node:crypto';
import { assert } from '../base/errors.js';
import { CHUNK_SIZE_BYTES, DIGEST_SIZE_BYTES } from '../base/limits.js';
import type { Content, Manifest } from './manifest.js';

/** A part of a chunk as it lies in the file. */
export type Piece = readonly [fileOffset: number, length: number];

export interface ChunkLocation {
  readonly content: number;
  /** Within the content's data (its holes left out). */
  readonly offset: number;
  readonly length: number;
  /** Ascending; their lengths add up to `length`. */
  readonly pieces: readonly Piece[];
}

export function chunkDigest(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

export function chunkCountOf(manifest: Manifest): number {
  return manifest.digests.length / DIGEST_SIZE_BYTES;
}

/** A view of the manifest's bytes. */
export function expectedDigest(manifest: Manifest, chunk: number): Buffer {
  return manifest.digests.subarray(chunk * DIGEST_SIZE_BYTES, (chunk + 1) * DIGEST_SIZE_BYTES);
}

/** Whether these are the chunk's bytes, all of them and nothing else. */
export function verifyChunk(manifest: Manifest, chunk: number, bytes: Uint8Array): boolean {
  return chunkDigest(bytes).equals(expectedDigest(manifest, chunk));
}

/** By binary search: contents are in order of their chunks, and each has at least one. */
export function contentOfChunk(manifest: Manifest, chunk: number): number {
  const { contents } = manifest;
  assert(chunk >= 0 && chunk < chunkCountOf(manifest), `chunk ${chunk} exists`);
  let low = 0;
  let high = contents.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((contents[middle] as Content).firstChunk <= chunk) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function chunkLocation(manifest: Manifest, chunk: number): ChunkLocation {
  const content = contentOfChunk(manifest, chunk);
  const { extents, firstChunk } = manifest.contents[content] as Content;
  const starts = dataOffsets(extents);
  const offset = (chunk - firstChunk) * CHUNK_SIZE_BYTES;
  const end = Math.min(offset + CHUNK_SIZE_BYTES, starts.at(-1) as number);
  const pieces: Piece[] = [];
  for (let i = lastAtOrBelow(starts, offset); (starts[i] as number) < end; i++) {
    const from = Math.max(starts[i] as number, offset);
    const to = Math.min(starts[i + 1] as number, end);
    pieces.push([(extents[2 * i] as number) + from - (starts[i] as number), to - from]);
  }
  return { content, offset, length: end - offset, pieces };
}

const cachedOffsets = new WeakMap<readonly number[], Float64Array>();

/** Where each extent begins in the content's data, and at last where the data end. */
function dataOffsets(extents: readonly number[]): Float64Array {
  let starts = cachedOffsets.get(extents);
  if (!starts) {
    starts = new Float64Array(extents.length / 2 + 1);
    for (let i = 0; i < extents.length / 2; i++)
      starts[i + 1] = (starts[i] as number) + (extents[2 * i + 1] as number);
    // Worth keeping only where it takes long to make.
    if (extents.length > 2) cachedOffsets.set(extents, starts);
  }
  return starts;
}

function lastAtOrBelow(starts: Float64Array, offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
