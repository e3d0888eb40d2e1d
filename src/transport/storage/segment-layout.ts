/**
 * Where each unit of a job lies on the shared storage: in the order of sending, one behind the other, in files that are
 * called segments and announced when they are whole. The login node and all nodes reckon it from the order and the sizes.
 * The document ends a segment and so does the urgent part, so that neither waits for what comes behind it. Pure.
 */
import { SEGMENT_MAX_BYTES, SEGMENT_MIN_BYTES } from '../../base/limits.js';

export interface UnitPlace {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

export interface SegmentLayoutOptions {
  /** Of each of its pieces, in bytes. */
  readonly documentLengths: readonly number[];
  /** Of chunks, in order of sending. None before the document has been read: its own segments are where they are. */
  readonly chunkOrder: readonly number[];
  /** The first so many of them are the urgent part. */
  readonly urgentChunks: number;
  chunkBytes(chunk: number): number;
}

export class SegmentLayout {
  readonly unitCount: number;
  readonly pieceCount: number;
  /** The unit at each place in the order of sending. */
  readonly #units: Uint32Array;
  /** By unit. */
  readonly #position: Uint32Array;
  /** By place in the order: the last value is the end of all, as are those below. */
  readonly #segment: Uint32Array;
  readonly #offset: Uint32Array;
  readonly #length: Uint32Array;
  /** Place in the order of the first unit of each segment. */
  readonly #firsts: number[] = [];

  constructor(options: SegmentLayoutOptions) {
    const { documentLengths, chunkOrder, urgentChunks } = options;
    this.pieceCount = documentLengths.length;
    this.unitCount = this.pieceCount + chunkOrder.length;
    this.#units = new Uint32Array(this.unitCount);
    this.#position = new Uint32Array(this.unitCount);
    this.#segment = new Uint32Array(this.unitCount);
    this.#offset = new Uint32Array(this.unitCount);
    this.#length = new Uint32Array(this.unitCount);
    const ends = new Set([this.pieceCount, this.pieceCount + urgentChunks]);
    let filled = 0;
    for (let at = 0; at < this.unitCount; at++) {
      const chunk = chunkOrder[at - this.pieceCount];
      const length = chunk === undefined ? (documentLengths[at] as number) : options.chunkBytes(chunk);
      const segment = this.#firsts.length - 1;
      if (at === 0 || ends.has(at) || filled + length > segmentBytes(segment)) {
        this.#firsts.push(at);
        filled = 0;
      }
      const unit = chunk === undefined ? at : this.pieceCount + chunk;
      this.#units[at] = unit;
      this.#position[unit] = at;
      this.#segment[at] = this.#firsts.length - 1;
      this.#offset[at] = filled;
      this.#length[at] = length;
      filled += length;
    }
  }

  get segmentCount(): number {
    return this.#firsts.length;
  }

  /** Places in the order of sending: the first of a segment; of no segment, the end. */
  firstOf(segment: number): number {
    return this.#firsts[segment] ?? this.unitCount;
  }

  unitAt(position: number): number {
    return this.#units[position] as number;
  }

  positionOf(unit: number): number {
    return this.#position[unit] as number;
  }

  placeAt(position: number): UnitPlace {
    return {
      segment: this.#segment[position] as number,
      offset: this.#offset[position] as number,
      length: this.#length[position] as number,
    };
  }
}

function segmentBytes(segment: number): number {
  return Math.min(SEGMENT_MAX_BYTES, SEGMENT_MIN_BYTES * 2 ** segment);
}
