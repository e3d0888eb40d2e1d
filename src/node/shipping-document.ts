/** The document of a job as it arrives at a node: piece after piece, each verified before anybody sees it. */
import { TeesError } from '../base/errors.js';
import { CHUNK_SIZE_BYTES, DIGEST_SIZE_BYTES } from '../base/limits.js';
import { chunkDigest } from '../image/chunks.js';
import { decodeShipment } from '../image/document.js';
import type { Shipment } from '../image/document.js';
import { dataSize } from '../image/manifest.js';

export class ShippingDocument {
  readonly pieceCount: number;
  readonly #bytes: Buffer;
  readonly #digests: Buffer;
  readonly #missing: Set<number>;

  constructor(sizeBytes: number, digests: Buffer) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
    this.#digests = digests;
    this.pieceCount = digests.length / DIGEST_SIZE_BYTES;
    this.#missing = new Set(Array.from({ length: this.pieceCount }, (_, piece) => piece));
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** What an earlier daemon has kept: all of it, or none. @returns whether it is the document */
  restore(bytes: Buffer): boolean {
    if (bytes.length !== this.#bytes.length) return false;
    try {
      for (let piece = 0; piece < this.pieceCount; piece++) {
        const start = piece * CHUNK_SIZE_BYTES;
        this.put(piece, bytes.subarray(start, start + CHUNK_SIZE_BYTES));
      }
    } catch {
      for (let piece = 0; piece < this.pieceCount; piece++) this.#missing.add(piece);
      return false;
    }
    return true;
  }

  /** @returns whether the document is whole now */
  put(piece: number, body: Buffer): boolean {
    const expected = this.#digests.subarray(piece * DIGEST_SIZE_BYTES, (piece + 1) * DIGEST_SIZE_BYTES);
    const start = piece * CHUNK_SIZE_BYTES;
    const length = Math.min(CHUNK_SIZE_BYTES, this.#bytes.length - start);
    if (body.length !== length || !chunkDigest(body).equals(expected)) {
      throw new TeesError('CHUNK_CORRUPT', `piece ${piece} of the manifest arrived damaged`);
    }
    this.#bytes.set(body, start);
    return this.#missing.delete(piece) && this.#missing.size === 0;
  }

  /** A piece that has been put. */
  piece(piece: number): Buffer {
    const start = piece * CHUNK_SIZE_BYTES;
    return this.#bytes.subarray(start, start + CHUNK_SIZE_BYTES);
  }

  /** @param contentBytes so many were announced, and room was made for them */
  open(contentBytes: number): Shipment {
    const shipment = decodeShipment(this.#bytes);
    const bytes = shipment.manifest.contents.reduce((sum, content) => sum + dataSize(content), 0);
    if (bytes !== contentBytes)
      throw new TeesError('MANIFEST_INVALID', 'its contents are not what was announced');
    return shipment;
  }
}
