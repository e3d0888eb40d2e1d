/**
 * What a signal to the command means. It is passed on to the tasks, as srun does; a second one that asks for the end
 * is the end of the job, and a third does not wait for that. Pure.
 */
import type { Clock } from '../base/clock.js';
import { systemClock } from '../base/clock.js';

/** So long the second may come after the first. Ctrl-C is also what a program inside may be used to. */
const REPEATED_WITHIN_MS = { SIGINT: 2000, SIGTERM: Infinity, SIGHUP: Infinity } as const;
type EndingSignal = keyof typeof REPEATED_WITHIN_MS;

export const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
export type ForwardedSignal = (typeof FORWARDED_SIGNALS)[number];

export class SignalPolicy {
  readonly #lastMs = new Map<EndingSignal, number>();
  #cancelledBy: EndingSignal | undefined;

  constructor(private readonly clock: Clock = systemClock) {}

  /** The signal that cancelled the job. */
  get cancelledBy(): EndingSignal | undefined {
    return this.#cancelledBy;
  }

  /** @param hasNoTask nobody is there to whom it could be passed on */
  judge(signal: ForwardedSignal, hasNoTask = false): 'pass on' | 'cancel' | 'leave' {
    if (!isEnding(signal)) return 'pass on';
    if (this.#cancelledBy !== undefined) return 'leave';
    const nowMs = this.clock.nowMs();
    const sinceMs = nowMs - (this.#lastMs.get(signal) ?? -Infinity);
    this.#lastMs.set(signal, nowMs);
    // Infinity is not less than itself: a first signal is never a second.
    if (!hasNoTask && !(sinceMs < REPEATED_WITHIN_MS[signal])) return 'pass on';
    this.#cancelledBy = signal;
    return 'cancel';
  }
}

function isEnding(signal: string): signal is EndingSignal {
  return Object.hasOwn(REPEATED_WITHIN_MS, signal);
}
