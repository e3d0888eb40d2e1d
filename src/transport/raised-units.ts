/**
 * What is sent to one child before its turn: the units that somebody waits for and that are held here. Those that
 * the child itself has asked for go first, then those that others have: it needs them anyway, and will probably be
 * asked for them next. Pure.
 */
import { RAISED_RANGES_MAX } from '../base/limits.js';
import { ChunkSet } from '../store/chunk-set.js';

export class RaisedUnits {
  /** What the child has asked for, so that asking again changes nothing. */
  #wants: ChunkSet;
  readonly #asked = new RangeQueue();
  readonly #others = new RangeQueue();

  constructor(unitCount: number) {
    this.#wants = new ChunkSet(unitCount);
  }

  /** The child asks for [start, end). What is not held yet is queued when it is. */
  ask(start: number, end: number, held: ChunkSet): void {
    for (const [from, to] of [...this.#wants.missing(start, end)]) {
      this.#wants.addRange(from, to);
      for (const range of held.held(from, to)) this.#asked.push(...range);
    }
  }

  /** The child asks anew for what it still waits for. */
  forgetAsked(): void {
    this.#wants = new ChunkSet(this.#wants.size);
  }

  askedElsewhere(start: number, end: number, held: ChunkSet): void {
    for (const range of held.held(start, end)) this.#others.push(...range);
  }

  /** A unit that somebody has asked for is here. */
  arrived(unit: number): void {
    (this.#wants.has(unit) ? this.#asked : this.#others).push(unit, unit + 1);
  }

  /** The next unit that the child does not have. */
  next(has: ChunkSet): number | undefined {
    return this.#asked.next(has) ?? this.#others.next(has);
  }
}

/** Units in the order pushed, as ranges. When there are too many, further ones are left to the order of sending. */
class RangeQueue {
  /** [start, end, start, end, …] */
  #ranges: number[] = [];
  /** Where the range stands that is being read. */
  #head = 0;

  push(start: number, end: number): void {
    const last = this.#ranges.length - 1;
    if (last > this.#head && this.#ranges[last] === start) this.#ranges[last] = end;
    else if (this.#ranges.length - this.#head < 2 * RAISED_RANGES_MAX) this.#ranges.push(start, end);
  }

  next(has: ChunkSet): number | undefined {
    for (; this.#head < this.#ranges.length; this.#head += 2) {
      const end = this.#ranges[this.#head + 1] as number;
      const unit = has.firstMissing(this.#ranges[this.#head], end);
      this.#ranges[this.#head] = unit;
      if (unit < end) return unit;
      this.#dropRead();
    }
    return undefined;
  }

  #dropRead(): void {
    if (this.#head < RAISED_RANGES_MAX && this.#head + 2 < this.#ranges.length) return;
    this.#ranges = this.#ranges.slice(this.#head);
    this.#head = 0;
  }
}
