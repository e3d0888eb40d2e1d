/**
 * Demand at one node: the units that somebody waits for, here or in the subtrees below, merged in the order asked.
 * Every unit counts once, whoever asks and however often, so that asking costs a bounded amount of memory. Pure.
 */
import { RAISED_RANGES_MAX } from '../base/limits.js';
import { ChunkSet } from '../store/chunk-set.js';

/** [first, count, first, count, …], in an order that means something. */
export type UnitRanges = readonly number[];

/** For messages of at most so many ranges; those that touch become one. */
export function splitRanges(ranges: UnitRanges, max: number): number[][] {
  const parts: number[][] = [];
  let part: number[] = [];
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    const [first, count] = [ranges[i] as number, ranges[i + 1] as number];
    const last = part.length - 1;
    const touches = last > 0 && (part[last - 1] as number) + (part[last] as number) === first;
    if (touches) (part[last] as number) += count;
    else if (last === 2 * max - 1) parts.push((part = [first, count]));
    else if (part.push(first, count) === 2) parts.push(part);
  }
  return parts;
}

interface Request {
  readonly asker: string | undefined;
  readonly ranges: UnitRanges;
}

export class Demand {
  #wanted = new ChunkSet(0);
  /** Asked for above, in the order asked; what has come since may still be among them. */
  #above: number[] = [];
  /** What was asked for before the units were known. */
  #early: Request[] = [];
  #earlyNumbers = 0;

  /** The units are known now. @returns what was asked for before */
  open(unitCount: number): readonly Request[] {
    this.#wanted = new ChunkSet(unitCount);
    const early = this.#early;
    this.#early = [];
    return early;
  }

  postpone(ranges: UnitRanges, asker: string | undefined): void {
    this.#earlyNumbers += ranges.length;
    if (this.#earlyNumbers <= 2 * RAISED_RANGES_MAX) this.#early.push({ asker, ranges });
  }

  has(unit: number): boolean {
    return unit < this.#wanted.size && this.#wanted.has(unit);
  }

  /** As [start, end), inside the units that there are; all together no more than these. */
  *within(ranges: UnitRanges): Generator<[start: number, end: number]> {
    let room = this.#wanted.size;
    for (let i = 0; i + 1 < ranges.length && room > 0; i += 2) {
      const first = ranges[i] as number;
      const count = Math.min(ranges[i + 1] as number, this.#wanted.size - first, room);
      if (count <= 0) continue;
      room -= count;
      yield [first, first + count];
    }
  }

  /** @returns what of [start, end) nobody had asked for */
  add(start: number, end: number): [from: number, to: number][] {
    const fresh = [...this.#wanted.missing(start, end)];
    this.#wanted.addRange(start, end);
    return fresh;
  }

  /** @returns what of [start, end) is not held, as ranges: this is asked for above */
  askAbove(start: number, end: number, held: ChunkSet): number[] {
    const ranges = [...held.missing(start, end)].flatMap(([from, to]) => [from, to - from]);
    if (this.#above.length + ranges.length > 2 * RAISED_RANGES_MAX) this.#above = this.outstanding(held);
    if (this.#above.length + ranges.length > 2 * RAISED_RANGES_MAX) return [];
    for (const number of ranges) this.#above.push(number);
    return ranges;
  }

  /** What was asked for above and is not held. */
  outstanding(held: ChunkSet): number[] {
    const ranges: number[] = [];
    for (const [start, end] of this.within(this.#above))
      for (const [from, to] of held.missing(start, end)) ranges.push(from, to - from);
    return ranges;
  }
}
