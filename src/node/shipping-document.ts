/** The document of a job as it arrives at a node: piece after piece, each verified before anybody sees it. */
import { TeesError } from '../base/errors.js';
import { MANIFEST_DECODED_MAX_BYTES } from '../base/limits.js';
import { chunkDigest } from '../image/chunks.js';
import { decodeShipment } from '../image/document.js';
import type { Shipment } from '../image/document.js';
import { dataSize } from '../image/manifest.js';
import { joinPieces, pieceDigest } from '../image/pieces.js';

export class ShippingDocument {
  readonly #pieces: (Buffer | undefined)[];
  #missing: number;

  /** @param lengths of the pieces, in bytes */
  constructor(
    private readonly lengths: readonly number[],
    private readonly digests: Buffer,
  ) {
    this.#pieces = lengths.map(() => undefined);
    this.#missing = lengths.length;
  }

  get pieceCount(): number {
    return this.lengths.length;
  }

  get isWhole(): boolean {
    return this.#missing === 0;
  }

  /** When it is whole: its pieces, one behind the other. */
  get bytes(): Buffer {
    return Buffer.concat(this.#pieces as Buffer[]);
  }

  /** What an earlier daemon has kept: all of it, or none. @returns whether it is the document */
  restore(bytes: Buffer): boolean {
    if (bytes.length !== this.lengths.reduce((sum, length) => sum + length, 0)) return false;
    let at = 0;
    try {
      for (const [piece, length] of this.lengths.entries())
        this.put(piece, bytes.subarray(at, (at += length)));
    } catch {
      this.#pieces.fill(undefined);
      this.#missing = this.lengths.length;
      return false;
    }
    return true;
  }

  has(piece: number): boolean {
    return this.#pieces[piece] !== undefined;
  }

  digest(piece: number): Buffer {
    return pieceDigest(this.digests, piece);
  }

  /** Keeps a copy. @returns whether it is new */
  put(piece: number, body: Buffer): boolean {
    if (body.length !== this.lengths[piece] || !chunkDigest(body).equals(this.digest(piece)))
      throw new TeesError('CHUNK_CORRUPT', `piece ${piece} of the manifest arrived damaged`);
    if (this.has(piece)) return false;
    this.#pieces[piece] = Buffer.from(body);
    this.#missing--;
    return true;
  }

  /** One that has been put. */
  piece(piece: number): Buffer {
    return this.#pieces[piece] as Buffer;
  }

  /** @param contentBytes so many were announced, and room was made for them */
  open(contentBytes: number): Shipment {
    const shipment = decodeShipment(joinPieces(this.#pieces as Buffer[], MANIFEST_DECODED_MAX_BYTES));
    const bytes = shipment.manifest.contents.reduce((sum, content) => sum + dataSize(content), 0);
    if (bytes !== contentBytes)
      throw new TeesError('MANIFEST_INVALID', 'its contents are not what was announced');
    return shipment;
  }
}
