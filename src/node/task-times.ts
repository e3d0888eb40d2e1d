/**
 * When this node's task ran and for what it waited, by this node's clock alone: neither another clock nor the way
 * up the tree is in these figures, so that they may be subtracted from each other.
 */
import type { Clock } from '../base/clock.js';
import { longestWaits } from '../wire/messages.js';
import type { BlockedPath, TaskAccount } from '../wire/messages.js';

interface Wait {
  readonly path: string;
  readonly startMs: number;
  readonly endMs: number;
}

export class TaskTimes {
  readonly #waits: Wait[] = [];
  #launchedMs: number | undefined;
  #endedMs: number | undefined;

  constructor(private readonly clock: Clock) {}

  get hasWaited(): boolean {
    return this.#waits.length > 0;
  }

  launched(): void {
    this.#launchedMs = this.clock.nowMs();
  }

  /** Exited, or torn down; the first call counts. */
  ended(): void {
    this.#endedMs ??= this.clock.nowMs();
  }

  /** A read that has blocked for so long has just returned. */
  waited(path: string, seconds: number): void {
    const endMs = this.clock.nowMs();
    this.#waits.push({ path, startMs: endMs - seconds * 1000, endMs });
  }

  /** The longest waits. Without a launch nothing can have waited. */
  blocked(): BlockedPath[] {
    const launchedMs = this.#launchedMs;
    if (launchedMs === undefined) return [];
    return longestWaits(this.#waits.map((wait) => sinceLaunch(wait, launchedMs)));
  }

  /** Undefined when it was never launched. */
  account(): TaskAccount | undefined {
    const launchedMs = this.#launchedMs;
    if (launchedMs === undefined) return undefined;
    const endedMs = this.#endedMs ?? this.clock.nowMs();
    const inOrder = [...this.#waits].sort((a, b) => a.startMs - b.startMs);
    const [first] = inOrder;
    return {
      ran: seconds(endedMs - launchedMs),
      waited: seconds(coveredMs(inOrder, launchedMs, endedMs)),
      waits: inOrder.length,
      ...(first ? { first: sinceLaunch(first, launchedMs) } : {}),
    };
  }
}

/** A program may wait for its libraries a moment before its launch is known. */
function sinceLaunch({ path, startMs, endMs }: Wait, launchedMs: number): BlockedPath {
  return { path, at: seconds(Math.max(0, startMs - launchedMs)), seconds: seconds(endMs - startMs) };
}

/** How long at least one of the waits lasted: those of several processes overlap. */
function coveredMs(inOrder: readonly Wait[], fromMs: number, toMs: number): number {
  let covered = 0;
  let until = fromMs;
  for (const { startMs, endMs } of inOrder) {
    const end = Math.min(endMs, toMs);
    if (end <= until) continue;
    covered += end - Math.max(startMs, until);
    until = end;
  }
  return covered;
}

/** To the tenth of a millisecond. */
function seconds(ms: number): number {
  return Math.round(ms * 10) / 10_000;
}
