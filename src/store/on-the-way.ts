/**
 * Contents that are on their way to this node for one of its jobs, its bringer: other jobs that lack the same wait for them, instead
 * of being sent them as well. Pure.
 *
 * What a bringer is sent may come by a node on which its job waits in turn. Nobody waits in a circle, because a job waits for
 * older ones only, or for one that has it from the login node itself, which waits for nobody.
 */
import type { ContentKey } from './content-key.js';

export interface Bringer {
  readonly job: string;
  /** The login node is its parent. */
  isFedByLogin(): boolean;
  /** Somebody waits for it: before its turn. */
  want(key: ContentKey): void;
  /** So many bytes of it are here. */
  bytesOf(key: ContentKey): number;
}

/** Jobs are named by the login daemon: TIME-COUNT, the time in base 36. Whatever they are, of two one is older. */
export function isOlder(one: string, other: string): boolean {
  const [[time, count], [otherTime, otherCount]] = [partsOf(one), partsOf(other)];
  if (time.length !== otherTime.length) return time.length < otherTime.length;
  if (time !== otherTime) return time < otherTime;
  return count < otherCount;
}

function partsOf(name: string): readonly [time: string, count: number] {
  const at = name.lastIndexOf('-');
  return [name.slice(0, Math.max(0, at)), Number(name.slice(at + 1)) || 0];
}

export interface Waiter {
  /** Its bringer has it whole, and shares it. */
  arrived(key: ContentKey): void;
  /** A bringer of something that is waited for has gone without it. Told once, however much that was. */
  lost(): void;
}

export class OnTheWay {
  /** Most have one. */
  readonly #bringers = new Map<ContentKey, readonly Bringer[]>();
  readonly #waiters = new Map<ContentKey, Set<Waiter>>();

  /** For whom it is on its way, and first. */
  bringerOf(key: ContentKey): Bringer | undefined {
    return this.#bringers.get(key)?.[0];
  }

  /** Whether this job may wait for it. */
  isComing(key: ContentKey, job: string): boolean {
    const bringers = this.#bringers.get(key) ?? [];
    return bringers.some((one) => isOlder(one.job, job) || one.isFedByLogin());
  }

  /** Others may wait for it from now on. */
  bring(key: ContentKey, bringer: Bringer): void {
    this.#bringers.set(key, [...(this.#bringers.get(key) ?? []), bringer]);
  }

  wait(key: ContentKey, waiter: Waiter): void {
    const waiters = this.#waiters.get(key) ?? new Set();
    this.#waiters.set(key, waiters.add(waiter));
  }

  waitNoMore(key: ContentKey, waiter: Waiter): void {
    const waiters = this.#waiters.get(key);
    if (waiters?.delete(waiter) && waiters.size === 0) this.#waiters.delete(key);
  }

  /** This one has it. */
  arrived(key: ContentKey, bringer: Bringer): void {
    this.#remove(key, bringer);
    const waiters = this.#waiters.get(key);
    this.#waiters.delete(key);
    for (const waiter of waiters ?? []) waiter.arrived(key);
  }

  /** A job is over: of these contents some may not have come. */
  gone(bringer: Bringer, keys: Iterable<ContentKey>): void {
    const bereft = new Set<Waiter>();
    for (const key of keys) {
      this.#remove(key, bringer);
      for (const waiter of this.#waiters.get(key) ?? []) bereft.add(waiter);
    }
    for (const waiter of bereft) waiter.lost();
  }

  #remove(key: ContentKey, bringer: Bringer): void {
    const others = (this.#bringers.get(key) ?? []).filter((one) => one !== bringer);
    if (others.length > 0) this.#bringers.set(key, others);
    else this.#bringers.delete(key);
  }
}
