/**
 * When this node's task ran and for what it waited, by this node's clock alone: neither another clock nor the way
 * up the tree is in these figures, so that they may be subtracted from each other.
 */
import type { Clock } from '../base/clock.js';
import { encodeContentWaits } from '../wire/learning.js';
import type { ContentWait } from '../wire/learning.js';
import type { OpenedFile } from '../wire/opened.js';
import { UNCOVERED_PER_NODE_MAX, longestWaits } from '../wire/account.js';
import type { BlockedPath, TaskAccount, UncoveredAccount } from '../wire/account.js';

interface Wait {
  readonly content: number;
  readonly path: string;
  readonly startMs: number;
  readonly endMs: number;
}

export class TaskTimes {
  readonly #waits: Wait[] = [];
  readonly #heldBack = new Map<string, UncoveredAccount>();
  #opened: readonly OpenedFile[] | undefined;
  #launchedMs: number | undefined;
  #endedMs: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** @param sinceMs so long ago, by an earlier daemon */
  launched(sinceMs = 0): void {
    this.#launchedMs = this.clock.nowMs() - sinceMs;
  }

  /** Exited, or torn down; the first call counts. */
  ended(): void {
    this.#endedMs ??= this.clock.nowMs();
  }

  /** A program of the task has waited for everything; each counts once. */
  heldBack(program: UncoveredAccount): void {
    if (this.#heldBack.size < UNCOVERED_PER_NODE_MAX) this.#heldBack.set(program.path, program);
  }

  uncovered(): UncoveredAccount[] {
    return [...this.#heldBack.values()];
  }

  /** A read that has blocked for so long has just returned. @returns whether it is the first */
  waited(content: number, path: string, seconds: number): boolean {
    const endMs = this.clock.nowMs();
    return this.#waits.push({ content, path, startMs: endMs - seconds * 1000, endMs }) === 1;
  }

  /** The longest waits. Without a launch nothing can have waited. */
  blocked(): BlockedPath[] {
    const launchedMs = this.#launchedMs;
    if (launchedMs === undefined) return [];
    return longestWaits(this.#waits.map((wait) => sinceLaunch(wait, launchedMs)));
  }

  /** What it has opened while it started, by the launcher's clock; undefined when that is not known. */
  opened(files: readonly OpenedFile[] | undefined): void {
    this.#opened = files;
  }

  /** In the order in which the task asked, each content once; as it travels. */
  contentWaits(): number[] {
    const launchedMs = this.#launchedMs;
    if (launchedMs === undefined) return [];
    const found = new Map<number, ContentWait>();
    const cover = new Cover(launchedMs, this.#endedMs ?? this.clock.nowMs());
    for (const { content, startMs, endMs } of this.#inOrder()) {
      const atMs = Math.max(0, startMs - launchedMs - cover.before(startMs));
      if (!found.has(content)) found.set(content, { content, atMs });
      cover.add(startMs, endMs);
    }
    return encodeContentWaits([...found.values()]);
  }

  /** At the moments at which they would have been opened had nothing waited. */
  openedFiles(): OpenedFile[] | undefined {
    const launchedMs = this.#launchedMs;
    if (launchedMs === undefined || !this.#opened) return undefined;
    const cover = new Cover(launchedMs, this.#endedMs ?? this.clock.nowMs());
    const waits = this.#inOrder();
    let next = 0;
    return [...this.#opened]
      .sort((a, b) => a.atMs - b.atMs)
      .map(({ path, atMs }) => {
        const ms = launchedMs + atMs;
        for (let wait; (wait = waits[next]) && wait.startMs <= ms; next++)
          cover.add(wait.startMs, wait.endMs);
        return { path, atMs: Math.max(0, atMs - cover.before(ms)) };
      });
  }

  #inOrder(): Wait[] {
    return [...this.#waits].sort((a, b) => a.startMs - b.startMs);
  }

  /** Undefined when it was never launched. */
  account(): TaskAccount | undefined {
    const launchedMs = this.#launchedMs;
    if (launchedMs === undefined) return undefined;
    const endedMs = this.#endedMs ?? this.clock.nowMs();
    const inOrder = this.#inOrder();
    const [first] = inOrder;
    const cover = new Cover(launchedMs, endedMs);
    for (const { startMs, endMs } of inOrder) cover.add(startMs, endMs);
    return {
      ran: seconds(endedMs - launchedMs),
      waited: seconds(cover.totalMs),
      waits: inOrder.length,
      ...(first ? { first: sinceLaunch(first, launchedMs) } : {}),
    };
  }
}

/** A program may wait for its libraries a moment before its launch is known. */
function sinceLaunch({ path, startMs, endMs }: Wait, launchedMs: number): BlockedPath {
  return { path, at: seconds(Math.max(0, startMs - launchedMs)), seconds: seconds(endMs - startMs) };
}

/** For how long at least one of the waits lasted: those of several processes overlap. Add them by their start. */
class Cover {
  totalMs = 0;
  #untilMs: number;

  constructor(
    fromMs: number,
    private readonly toMs: number,
  ) {
    this.#untilMs = fromMs;
  }

  add(startMs: number, endMs: number): void {
    const end = Math.min(endMs, this.toMs);
    if (end <= this.#untilMs) return;
    this.totalMs += end - Math.max(startMs, this.#untilMs);
    this.#untilMs = end;
  }

  /** Of what was added, which has all begun before. */
  before(ms: number): number {
    return this.totalMs - Math.max(0, this.#untilMs - ms);
  }
}

/** To the tenth of a millisecond. */
function seconds(ms: number): number {
  return Math.round(ms * 10) / 10_000;
}
