/**
 * The reads that wait on this node now, and how long each is expected to: from what comes before it and the measured
 * rate. With demand what is waited for comes in the order asked; without, in the order of sending.
 */
import type { Clock } from '../base/clock.js';
import { systemClock } from '../base/clock.js';
import { CHUNK_SIZE_BYTES } from '../base/limits.js';
import { Rate } from '../base/rate.js';
import type { Arrivals, BlockedWait } from '../store/arrivals.js';
import type { JobStore } from '../store/job-store.js';
import { NO_WAITS, longestFirst } from '../wire/waits.js';
import type { PresentWait, PresentWaits } from '../wire/waits.js';
import type { Cargo } from './cargo.js';

export interface WaitingReadsOptions {
  readonly node: string;
  /** Whether what is waited for is brought forward. */
  readonly demand: boolean;
  readonly store: Pick<JobStore, 'bytesHeld' | 'has' | 'chunksOf'>;
  readonly arrivals: Pick<Arrivals, 'blocked'>;
}

export class WaitingReads {
  readonly #rate: Rate;

  constructor(
    private readonly options: WaitingReadsOptions,
    clock: Clock = systemClock,
  ) {
    this.#rate = new Rate(clock);
  }

  /** Call it from time to time: the rate is measured between calls. */
  now(cargo: Pick<Cargo, 'chunkOrder' | 'pathOf'>): PresentWaits {
    const { store, arrivals, node, demand } = this.options;
    this.#rate.observe(store.bytesHeld);
    const blocked = arrivals.blocked().sort((a, b) => b.seconds - a.seconds);
    if (blocked.length === 0) return NO_WAITS;
    const rate = this.#rate.perSecond;
    const before = demand ? this.#inOrderAsked(blocked) : this.#inOrderOfSending(blocked, cargo.chunkOrder);
    const waits = blocked.map(({ content, seconds }): PresentWait => {
      const wait = { node, path: cargo.pathOf(content), seconds };
      return rate > 0 ? { ...wait, expected: (before.get(content) ?? 0) / rate } : wait;
    });
    return { count: blocked.length, waits: longestFirst(waits) };
  }

  /** Bytes that come until each content is whole. */
  #inOrderAsked(blocked: readonly BlockedWait[]): Map<number, number> {
    let bytes = 0;
    return new Map(blocked.map(({ content }) => [content, (bytes += this.#missingBytes(content))]));
  }

  #inOrderOfSending(blocked: readonly BlockedWait[], order: readonly number[]): Map<number, number> {
    const { store } = this.options;
    const contentOf = new Map<number, number>();
    for (const { content } of blocked) {
      const [first, count] = store.chunksOf(content);
      contentOf.set(first + count - 1, content);
    }
    const before = new Map<number, number>();
    let missing = 0;
    for (const chunk of order) {
      if (!store.has(chunk)) missing++;
      const content = contentOf.get(chunk);
      if (content === undefined) continue;
      before.set(content, missing * CHUNK_SIZE_BYTES);
      if (before.size === contentOf.size) break;
    }
    return before;
  }

  /** To the chunk: a small file's is counted as a whole one's. */
  #missingBytes(content: number): number {
    const [first, count] = this.options.store.chunksOf(content);
    let missing = 0;
    for (let chunk = first; chunk < first + count; chunk++) if (!this.options.store.has(chunk)) missing++;
    return missing * CHUNK_SIZE_BYTES;
  }
}
