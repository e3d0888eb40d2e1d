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

  /** All of [start, end). */
  addRange(start: number, end: number): void {
    assert(start >= 0 && end <= this.size, `chunks ${start} to ${end} of ${this.size}`);
    for (const [from, to] of this.missing(start, end)) this.#fill(from, to);
  }

  /** The first chunk of [from, end) that is not here; `end` when there is none. */
  firstMissing(from = 0, end = this.size): number {
    return this.#next(from, end, false);
  }

  /** The first chunk of [from, end) that is here; `end` when there is none. */
  firstHeld(from = 0, end = this.size): number {
    return this.#next(from, end, true);
  }

  /** The parts [from, to) of [start, end) that are not here, ascending. */
  *missing(start: number, end: number): Generator<[from: number, to: number]> {
    for (let from = this.firstMissing(start, end); from < end;) {
      const to = this.firstHeld(from, end);
      yield [from, to];
      from = this.firstMissing(to, end);
    }
  }

  /** The parts [from, to) of [start, end) that are here, ascending. */
  *held(start: number, end: number): Generator<[from: number, to: number]> {
    for (let from = this.firstHeld(start, end); from < end;) {
      const to = this.firstMissing(from, end);
      yield [from, to];
      from = this.firstHeld(to, end);
    }
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
  #next(from: number, end: number, held: boolean): number {
    const start = from >>> 5;
    const endWord = (end + WORD_BITS - 1) >>> 5;
    for (let word = start; word < endWord; word++) {
      let wanted = held ? (this.#words[word] as number) : ~(this.#words[word] as number);
      if (word === start) wanted &= WORD_FULL << (from & 31);
      const lowest = wanted & -wanted;
      if (lowest !== 0) return Math.min(end, word * WORD_BITS + 31 - Math.clz32(lowest));
    }
    return end;
  }
}

function invalid(detail: string): TeesError {
  return new TeesError('RANGES_INVALID', `ranges of chunks are not ascending, apart and inside: ${detail}`);
}
