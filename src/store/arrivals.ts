/**
 * Arrivals: which contents are here, verified and whole, and who waits for what.
 * The serving hooks wait; the store announces. Pure, single-threaded, the clock a parameter.
 */
import type { Clock } from '../base/clock.js';

export interface BlockedWait {
  readonly content: number;
  readonly seconds: number;
}

export type WaitOutcome = 'arrived' | 'failed';

export interface ArrivalsEvents {
  /** The first waiter for this content has blocked. */
  blocked?(content: number): void;
  /** The last waiter for this content was released. */
  released?(wait: BlockedWait): void;
}

export class Arrivals {
  readonly #here: Uint8Array;
  readonly #waiting = new Map<number, { sinceMs: number; wake: ((outcome: WaitOutcome) => void)[] }>();
  #failed = false;
  #missing: number;
  #waitingForAll: ((outcome: WaitOutcome) => void)[] = [];

  constructor(
    readonly contentCount: number,
    private readonly clock: Clock,
    private readonly events: ArrivalsEvents = {},
  ) {
    this.#here = new Uint8Array(contentCount);
    this.#missing = contentCount;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  /** As `wait`, for everything. Such waits are no blocked reads. */
  waitForAll(wake: (outcome: WaitOutcome) => void): void {
    if (this.complete) return wake('arrived');
    if (this.#failed) return wake('failed');
    this.#waitingForAll.push(wake);
  }

  isHere(content: number): boolean {
    return this.#here[content] === 1;
  }

  /**
   * Calls `wake` when the content is here, at once if it is already; with 'failed' when it will never be.
   */
  wait(content: number, wake: (outcome: WaitOutcome) => void): void {
    if (this.isHere(content)) return wake('arrived');
    if (this.#failed) return wake('failed');
    const waiting = this.#waiting.get(content);
    if (waiting) {
      waiting.wake.push(wake);
      return;
    }
    this.#waiting.set(content, { sinceMs: this.clock.nowMs(), wake: [wake] });
    this.events.blocked?.(content);
  }

  /**
   * Whoever waited has gone without an answer: `wake` will not be called, and when nobody else waits, the wait ends
   * without having been one that was released.
   */
  cancel(content: number, wake: (outcome: WaitOutcome) => void): void {
    const waiting = this.#waiting.get(content);
    if (!waiting) return;
    waiting.wake = waiting.wake.filter((other) => other !== wake);
    if (waiting.wake.length === 0) this.#waiting.delete(content);
  }

  arrived(content: number): void {
    if (!this.isHere(content)) this.#missing--;
    this.#here[content] = 1;
    this.#release(content, 'arrived');
    if (this.complete) this.#releaseAll('arrived');
  }

  /** Nothing more will come: everybody who waits, now or later, fails. */
  fail(): void {
    this.#failed = true;
    for (const content of [...this.#waiting.keys()]) this.#release(content, 'failed');
    this.#releaseAll('failed');
  }

  /** The waits that last at this moment. */
  blocked(): BlockedWait[] {
    const now = this.clock.nowMs();
    return [...this.#waiting].map(([content, { sinceMs }]) => ({ content, seconds: (now - sinceMs) / 1000 }));
  }

  #releaseAll(outcome: WaitOutcome): void {
    const waiting = this.#waitingForAll;
    this.#waitingForAll = [];
    for (const wake of waiting) wake(outcome);
  }

  #release(content: number, outcome: WaitOutcome): void {
    const waiting = this.#waiting.get(content);
    if (!waiting) return;
    this.#waiting.delete(content);
    this.events.released?.({ content, seconds: (this.clock.nowMs() - waiting.sinceMs) / 1000 });
    for (const wake of waiting.wake) wake(outcome);
  }
}
