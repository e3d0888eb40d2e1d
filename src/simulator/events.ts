/**
 * Virtual time: what happens when, in one queue. What is due at the same moment happens in the order in which it was
 * asked for, so that a run depends on its seed alone. A binary heap over typed arrays: a run has millions of events.
 */
import type { Clock } from '../base/clock.js';

export interface Timer {
  cancel(): void;
}

export class EventQueue implements Clock {
  #now = 0;
  #count = 0;
  #sequence = 0;
  #times = new Float64Array(1024);
  #sequences = new Float64Array(1024);
  readonly #actions: (() => void)[] = [];
  /** Events that have happened. */
  happened = 0;

  nowMs(): number {
    return this.#now;
  }

  at(timeMs: number, action: () => void): void {
    if (this.#count === this.#times.length) this.#grow();
    this.#rise(this.#count++, Math.max(timeMs, this.#now), this.#sequence++, action);
  }

  after(delayMs: number, action: () => void): void {
    this.at(this.#now + delayMs, action);
  }

  /** @returns false: nothing will happen any more */
  step(): boolean {
    const action = this.#actions[0];
    if (this.#count === 0 || !action) return false;
    this.#now = this.#times[0] as number;
    this.#count--;
    const last = this.#actions.pop() as () => void;
    if (this.#count > 0)
      this.#sink(this.#times[this.#count] as number, this.#sequences[this.#count] as number, last);
    this.happened++;
    action();
    return true;
  }

  #rise(place: number, time: number, sequence: number, action: () => void): void {
    let at = place;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(time, sequence, above)) break;
      this.#move(above, at);
      at = above;
    }
    this.#put(at, time, sequence, action);
  }

  /** From the top. */
  #sink(time: number, sequence: number, action: () => void): void {
    let at = 0;
    for (let below = 1; below < this.#count; below = 2 * at + 1) {
      const right = below + 1;
      const first = this.#sequences[right] as number;
      if (right < this.#count && this.#isBefore(this.#times[right] as number, first, below)) below = right;
      if (this.#isBefore(time, sequence, below)) break;
      this.#move(below, at);
      at = below;
    }
    this.#put(at, time, sequence, action);
  }

  #isBefore(time: number, sequence: number, place: number): boolean {
    const other = this.#times[place] as number;
    return time < other || (time === other && sequence < (this.#sequences[place] as number));
  }

  #move(from: number, to: number): void {
    this.#put(
      to,
      this.#times[from] as number,
      this.#sequences[from] as number,
      this.#actions[from] as () => void,
    );
  }

  #put(at: number, time: number, sequence: number, action: () => void): void {
    this.#times[at] = time;
    this.#sequences[at] = sequence;
    this.#actions[at] = action;
  }

  #grow(): void {
    const [times, sequences] = [this.#times, this.#sequences];
    this.#times = new Float64Array(2 * times.length);
    this.#times.set(times);
    this.#sequences = new Float64Array(2 * sequences.length);
    this.#sequences.set(sequences);
  }
}
