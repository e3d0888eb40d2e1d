/**
 * A node's part of the policy `error`: when it lacks something and nothing whole has come for the stall deadline, those
 * who wait fail, and so do later ones, until something comes again. Each node judges by what comes to itself, and
 * needs no parent for it: one that is cut off could not be told.
 */
import { systemClock } from '../base/clock.js';
import type { Clock } from '../base/clock.js';

export interface StallGuardOptions {
  readonly deadlineMs: number;
  /** Changes whenever something has come. */
  moved(): number;
  /** Nothing is missing here any more. */
  complete(): boolean;
  onStalled(): void;
  onMoving(): void;
}

const LOOK_INTERVAL_MAX_MS = 250;

/** Undefined where the policy leaves those who wait to the login node's judgement. */
export function stallGuard(policy: string, options: StallGuardOptions): StallGuard | undefined {
  return policy === 'error' ? new StallGuard(options) : undefined;
}

export class StallGuard {
  readonly #timer: NodeJS.Timeout;
  #moved = -1;
  #sinceMs: number;
  #stalled = false;

  constructor(
    private readonly options: StallGuardOptions,
    private readonly clock: Clock = systemClock,
  ) {
    this.#sinceMs = clock.nowMs();
    this.#timer = setInterval(() => this.look(), Math.min(LOOK_INTERVAL_MAX_MS, options.deadlineMs / 2));
  }

  /** Done by itself every quarter of a second. */
  look(): void {
    const { options, clock } = this;
    const moved = options.moved();
    if (moved !== this.#moved || options.complete()) {
      this.#moved = moved;
      this.#sinceMs = clock.nowMs();
      if (this.#stalled) options.onMoving();
      this.#stalled = false;
    } else if (!this.#stalled && clock.nowMs() - this.#sinceMs > options.deadlineMs) {
      this.#stalled = true;
      options.onStalled();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
