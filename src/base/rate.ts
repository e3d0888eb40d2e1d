/** How fast something grows: over the last few seconds. Pure. */
import type { Clock } from './clock.js';

const WINDOW_MS = 5_000;
const SAMPLE_INTERVAL_MS = 250;

export class Rate {
  /** Moments and amounts, the oldest first; one of them is older than the window. */
  readonly #samples: { atMs: number; amount: number }[] = [];

  constructor(private readonly clock: Clock) {}

  observe(amount: number): void {
    const atMs = this.clock.nowMs();
    const last = this.#samples.at(-1);
    if (last && atMs - last.atMs < SAMPLE_INTERVAL_MS) return;
    this.#samples.push({ atMs, amount });
    while (this.#samples.length > 2 && (this.#samples[1] as { atMs: number }).atMs <= atMs - WINDOW_MS)
      this.#samples.shift();
  }

  get perSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last === first) return 0;
    return Math.max(0, ((last.amount - first.amount) * 1000) / (last.atMs - first.atMs));
  }
}
