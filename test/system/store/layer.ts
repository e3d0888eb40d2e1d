/** Contents for tests: random bytes with holes where they are wanted, and the manifest that describes them. */
import { randomBytes } from 'node:crypto';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { chunkDigest } from '../../../src/image/chunks.js';
import type { Content, Manifest } from '../../../src/image/manifest.js';

export interface TestContent {
  readonly size: number;
  /** [offset, length, …]; without it everything is data. */
  readonly extents?: readonly number[];
  /** Without it they are random. */
  readonly bytes?: Buffer;
}

export interface TestLayer {
  readonly manifest: Manifest;
  readonly chunks: readonly Buffer[];
  /** What the file of a content must hold, holes as zeros. */
  readonly files: readonly Buffer[];
}

export function makeLayer(wanted: readonly TestContent[]): TestLayer {
  const contents: Content[] = [];
  const chunks: Buffer[] = [];
  const files: Buffer[] = [];
  for (const { size, extents = [0, size], bytes } of wanted) {
    const file = Buffer.alloc(size);
    const data: Buffer[] = [];
    for (let i = 0; i < extents.length; i += 2) {
      const [start, length] = [extents[i] as number, extents[i + 1] as number];
      const piece = bytes ? bytes.subarray(start, start + length) : randomBytes(length);
      piece.copy(file, extents[i]);
      data.push(piece);
    }
    const joined = Buffer.concat(data);
    const firstChunk = chunks.length;
    for (let at = 0; at < joined.length; at += CHUNK_SIZE_BYTES)
      chunks.push(joined.subarray(at, at + CHUNK_SIZE_BYTES));
    contents.push({ size, extents, firstChunk, chunkCount: chunks.length - firstChunk });
    files.push(file);
  }
  const digests = Buffer.concat(chunks.map((chunk) => chunkDigest(chunk)));
  return { manifest: { entries: [], contents, digests }, chunks, files };
}
