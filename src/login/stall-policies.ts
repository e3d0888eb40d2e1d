/**
 * What the login node does about a stream that has stalled, by the job's one policy. The nodes' part of `error` is
 * node/stall-guard.ts: a node that is cut off cannot be told, so each judges by what comes to it. Pure.
 */
import type { Clock } from '../base/clock.js';
import { TeesError, usageError } from '../base/errors.js';
import { STALL_DEADLINE_MAX_MS, STALL_DEADLINE_MIN_MS } from '../base/limits.js';
import { STALL_POLICIES } from '../config/config.js';
import type { StallPolicyName } from '../config/config.js';
import { formatDuration } from '../config/quantities.js';
import { StallWatch } from './stall-watch.js';

export interface StallPort {
  /** Changes whenever something has moved. */
  moved(): number;
  /** Who lacks something, as a node list. */
  lacking(): string;
  warn(text: string): void;
  fail(error: TeesError): void;
}

export interface StallState {
  readonly policy: StallPolicyName;
  readonly deadlineSeconds: number;
  /** For so long nothing has moved. */
  readonly quietSeconds: number;
  readonly stalled: boolean;
}

export interface StallSettings {
  readonly policy: StallPolicyName;
  readonly deadlineMs: number;
}

type Action = (quietMs: number, port: StallPort) => void;

const ACTIONS: Readonly<Record<StallPolicyName, Action>> = {
  wait: (quietMs, port) =>
    port.warn(
      `nothing has moved for ${inSeconds(quietMs)}: ${port.lacking()} wait (stall policy wait); tees cancel ends the job`,
    ),
  error: (quietMs, port) =>
    port.warn(
      `nothing has moved for ${inSeconds(quietMs)}: until it does, reads of what is missing fail with EIO on ${port.lacking()}`,
    ),
  cancel: (quietMs, port) =>
    port.fail(
      new TeesError('STREAM_STALLED', `nothing has moved for ${inSeconds(quietMs)}`, {
        node: port.lacking(),
        hint: 'See the logs of these nodes and of their parents (tees tree); --stall-deadline and --on-stall change what is done.',
      }),
    ),
};

/** @throws TeesError STALL_POLICY_UNKNOWN, STALL_DEADLINE_INVALID */
export function stallSettings(policy: string, deadlineMs: number): StallSettings {
  const known = STALL_POLICIES.find((name) => name === policy);
  if (!known)
    throw usageError('STALL_POLICY_UNKNOWN', `there is no stall policy '${policy}'`, {
      hint: `Known policies: ${STALL_POLICIES.join(', ')}`,
    });
  if (deadlineMs >= STALL_DEADLINE_MIN_MS && deadlineMs <= STALL_DEADLINE_MAX_MS)
    return { policy: known, deadlineMs };
  const [min, max] = [formatDuration(STALL_DEADLINE_MIN_MS), formatDuration(STALL_DEADLINE_MAX_MS)];
  throw usageError('STALL_DEADLINE_INVALID', 'the stall deadline is out of range', {
    hint: `Give a duration from ${min} to ${max}.`,
  });
}

export class JobStall {
  readonly #watch: StallWatch;
  /** At this quiet time the policy acts next. */
  #nextMs: number;
  #acted = false;
  #quietMs = 0;

  constructor(
    private readonly settings: StallSettings,
    clock: Clock,
    private readonly port: StallPort,
  ) {
    this.#watch = new StallWatch(settings.deadlineMs, clock);
    this.#nextMs = settings.deadlineMs;
  }

  /** From time to time, while something is missing somewhere. */
  check(): void {
    this.#watch.observe(this.port.moved());
    if (!this.#watch.stalled) return this.#goesOn();
    this.#quietMs = this.#watch.quietMs;
    if (this.#quietMs <= this.#nextMs) return;
    // Said again after twice the time, and twice that: a night's wait is a dozen lines.
    this.#nextMs = 2 * this.#quietMs;
    this.#acted = true;
    ACTIONS[this.settings.policy](this.#quietMs, this.port);
  }

  /** Until the promise settles, time does not count. */
  pauseWhile(waiting: Promise<void>): Promise<void> {
    return this.#watch.pauseWhile(waiting);
  }

  get state(): StallState {
    const { policy, deadlineMs } = this.settings;
    const quietSeconds = Math.round(this.#watch.quietMs) / 1000;
    return { policy, deadlineSeconds: deadlineMs / 1000, quietSeconds, stalled: this.#watch.stalled };
  }

  #goesOn(): void {
    if (this.#acted) this.port.warn(`the stream goes on, after ${inSeconds(this.#quietMs)}`);
    this.#acted = false;
    this.#nextMs = this.settings.deadlineMs;
  }
}

function inSeconds(ms: number): string {
  return `${ms < 10_000 ? Math.floor(ms / 100) / 10 : Math.floor(ms / 1000)} s`;
}
