/** Time is a parameter, so that a seeded simulator can drive the production code. */
export interface Clock {
  /** Monotonic milliseconds, with fractions. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => performance.now() };
