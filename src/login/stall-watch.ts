/**
 * Whether a stream has stalled: nothing has moved for longer than the configuration allows. Waiting goes on while
 * bytes flow, however slowly. Time in which the job waits for its own user (output that nobody takes) does not
 * count. Pure.
 */
import type { Clock } from '../base/clock.js';

export class StallWatch {
  #moved = -1;
  #sinceMs: number;
  #paused = 0;

  constructor(
    private readonly deadlineMs: number,
    private readonly clock: Clock,
  ) {
    this.#sinceMs = clock.nowMs();
  }

  /** @param moved a number that changes whenever something has moved */
  observe(moved: number): void {
    if (moved === this.#moved) return;
    this.#moved = moved;
    this.#sinceMs = this.clock.nowMs();
  }

  /** Until the promise settles, time does not count. */
  async pauseWhile(waiting: Promise<void>): Promise<void> {
    this.#paused++;
    try {
      await waiting;
    } finally {
      this.#paused--;
      this.#sinceMs = this.clock.nowMs();
    }
  }

  /** Since something has moved. */
  get quietMs(): number {
    return this.#paused === 0 ? this.clock.nowMs() - this.#sinceMs : 0;
  }

  get stalled(): boolean {
    return this.quietMs > this.deadlineMs;
  }
}
