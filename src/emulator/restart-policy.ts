/**
 * Whether and when a daemon that was killed is started again: at once or nearly so, later each time that it does not
 * come to serve, and not for ever. Pure; the clock is a parameter.
 */
import type { Clock } from '../base/clock.js';
import {
  DAEMON_RESTARTS_INTERVAL_MS,
  DAEMON_RESTARTS_MAX,
  DAEMON_RESTART_DELAY_MAX_MS,
  DAEMON_RESTART_DELAY_MS,
} from '../base/limits.js';

export class RestartPolicy {
  #delayMs = DAEMON_RESTART_DELAY_MS;
  #startedMs: number[] = [];

  constructor(private readonly clock: Clock) {}

  /** It has come up. */
  served(): void {
    this.#delayMs = DAEMON_RESTART_DELAY_MS;
  }

  /** It was killed. @returns how long to wait, in milliseconds; undefined when it was started too often */
  next(): number | undefined {
    const nowMs = this.clock.nowMs();
    this.#startedMs = this.#startedMs.filter((at) => nowMs - at < DAEMON_RESTARTS_INTERVAL_MS);
    if (this.#startedMs.length >= DAEMON_RESTARTS_MAX) return undefined;
    const delayMs = this.#delayMs;
    this.#startedMs.push(nowMs + delayMs);
    this.#delayMs = Math.min(2 * delayMs, DAEMON_RESTART_DELAY_MAX_MS);
    return delayMs;
  }
}
