/**
 * Contents that are on their way to this node for one of its jobs, its bringer: other jobs that lack the same wait for them, instead
 * of being sent them as well. Nobody waits who brings, so that nobody waits for each other. Pure.
 */
import type { ContentKey } from './content-key.js';

export interface Bringer {
  /** Somebody waits for it: before its turn. */
  want(key: ContentKey): void;
  /** So many bytes of it are here. */
  bytesOf(key: ContentKey): number;
}

export interface Waiter {
  /** Its bringer has it whole, and shares it. */
  arrived(key: ContentKey): void;
  /** A bringer of something that is waited for has gone without it. Told once, however much that was. */
  lost(): void;
}

export class OnTheWay {
  readonly #bringers = new Map<ContentKey, Bringer>();
  readonly #waiters = new Map<ContentKey, Set<Waiter>>();

  bringerOf(key: ContentKey): Bringer | undefined {
    return this.#bringers.get(key);
  }

  /** Others may wait for it from now on, unless somebody else brings it already. */
  bring(key: ContentKey, bringer: Bringer): void {
    if (!this.#bringers.has(key)) this.#bringers.set(key, bringer);
  }

  wait(key: ContentKey, waiter: Waiter): void {
    const waiters = this.#waiters.get(key) ?? new Set();
    this.#waiters.set(key, waiters.add(waiter));
  }

  waitNoMore(key: ContentKey, waiter: Waiter): void {
    const waiters = this.#waiters.get(key);
    if (waiters?.delete(waiter) && waiters.size === 0) this.#waiters.delete(key);
  }

  /** Whoever has brought it. */
  arrived(key: ContentKey): void {
    this.#bringers.delete(key);
    const waiters = this.#waiters.get(key);
    this.#waiters.delete(key);
    for (const waiter of waiters ?? []) waiter.arrived(key);
  }

  /** A job is over: of these contents some may not have come. */
  gone(bringer: Bringer, keys: Iterable<ContentKey>): void {
    const bereft = new Set<Waiter>();
    for (const key of keys) {
      if (this.#bringers.get(key) !== bringer) continue;
      this.#bringers.delete(key);
      for (const waiter of this.#waiters.get(key) ?? []) bereft.add(waiter);
    }
    for (const waiter of bereft) waiter.lost();
  }
}
