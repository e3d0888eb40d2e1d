/**
 * Which chunks (or other numbered units) are here: a bitmap of a known size.
 * Its ranges, `[first, count, first, count, …]`, are what a returning child tells its parent. Pure.
 */
import { TeesError, assert } from '../base/errors.js';

const WORD_BITS = 32;
const WORD_FULL = 0xffff_ffff;

export class ChunkSet {
  readonly #words: Uint32Array;
  #count = 0;

  constructor(readonly size: number) {
    assert(Number.isSafeInteger(size) && size >= 0, `the size of a chunk set is ${size}`);
    this.#words = new Uint32Array(Math.ceil(size / WORD_BITS));
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.size;
  }

  has(chunk: number): boolean {
    return (((this.#words[chunk >>> 5] as number) >>> (chunk & 31)) & 1) === 1;
  }

  /** @returns whether it is new */
  add(chunk: number): boolean {
    assert(Number.isInteger(chunk) && chunk >= 0 && chunk < this.size, `chunk ${chunk} of ${this.size}`);
    if (this.has(chunk)) return false;
    (this.#words[chunk >>> 5] as number) |= 1 << (chunk & 31);
    this.#count++;
    return true;
  }

  /** @returns whether it was there */
  delete(chunk: number): boolean {
    if (chunk >= this.size || !this.has(chunk)) return false;
    (this.#words[chunk >>> 5] as number) &= ~(1 << (chunk & 31));
    this.#count--;
    return true;
  }

  /** The first chunk from `from` on that is not here; `size` when there is none. */
  firstMissing(from = 0): number {
    return this.#next(from, false);
  }

  /** The first chunk from `from` on that is here; `size` when there is none. */
  firstHeld(from = 0): number {
    return this.#next(from, true);
  }

  /**
   * Ascending, not touching. When they would be more numbers than `maxNumbers`, the last ones are left out:
   * who reads them then believes that less is here, which costs duplicates and breaks nothing.
   */
  toRanges(maxNumbers = Infinity): number[] {
    const ranges: number[] = [];
    for (let first = this.firstHeld(); first < this.size && ranges.length + 2 <= maxNumbers;) {
      const end = this.firstMissing(first);
      ranges.push(first, end - first);
      first = this.firstHeld(end);
    }
    return ranges;
  }

  /** @throws TeesError RANGES_INVALID when they are not ascending, not touching and inside `size` */
  static fromRanges(size: number, ranges: readonly number[]): ChunkSet {
    const set = new ChunkSet(size);
    let from = 0;
    if (ranges.length % 2 !== 0) throw invalid(`${ranges.length} numbers are not pairs`);
    for (let i = 0; i < ranges.length; i += 2) {
      const first = ranges[i] as number;
      const count = ranges[i + 1] as number;
      const valid = Number.isSafeInteger(first) && Number.isSafeInteger(count) && first >= from && count > 0;
      if (!valid || first + count > size) throw invalid(`${first}+${count} after ${from}, of ${size}`);
      set.#fill(first, first + count);
      from = first + count + 1;
    }
    return set;
  }

  #fill(first: number, end: number): void {
    for (let chunk = first; chunk < end;) {
      if (chunk % WORD_BITS === 0 && chunk + WORD_BITS <= end) {
        this.#words[chunk >>> 5] = WORD_FULL;
        chunk += WORD_BITS;
      } else {
        (this.#words[chunk >>> 5] as number) |= 1 << (chunk & 31);
        chunk++;
      }
    }
    this.#count += end - first;
  }

  /** A word a step. */
  #next(from: number, held: boolean): number {
    const start = from >>> 5;
    for (let word = start; word < this.#words.length; word++) {
      let wanted = held ? (this.#words[word] as number) : ~(this.#words[word] as number);
      if (word === start) wanted &= WORD_FULL << (from & 31);
      const lowest = wanted & -wanted;
      if (lowest !== 0) return Math.min(this.size, word * WORD_BITS + 31 - Math.clz32(lowest));
    }
    return this.size;
  }
}

function invalid(detail: string): TeesError {
  return new TeesError('RANGES_INVALID', `ranges of chunks are not ascending, apart and inside: ${detail}`);
}
