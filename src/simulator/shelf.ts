/**
 * What the jobs of one simulated node have in common (store/content-cache.ts): of what is kept in files there, the keys.
 */
import type { ContentKey } from '../store/content-key.js';
import type { SharedCache } from '../store/job-contents.js';
import { OnTheWay } from '../store/on-the-way.js';

/** Of what a job has brought, when it has ended. */
const EVICTED_SHARE = 0.5;

export class Shelf implements SharedCache {
  readonly isOn = true;
  readonly idleBytes = 0;
  readonly onTheWay = new OnTheWay();
  /** By whom it was brought, while that runs. */
  readonly #owners = new Map<ContentKey, object | undefined>();

  /** @param misplacedShare so often something is not where it should be */
  constructor(
    private readonly random: () => number,
    private readonly misplacedShare: number,
  ) {}

  take(key: ContentKey): boolean {
    if (!this.#owners.has(key)) return false;
    const isThere = this.random() >= this.misplacedShare;
    if (!isThere) this.#owners.delete(key);
    return isThere;
  }

  offer(owner: object, key: ContentKey): boolean {
    if (!this.#owners.has(key)) this.#owners.set(key, owner);
    return true;
  }

  /** A job has ended. */
  ended(owner: object): void {
    for (const [key, by] of this.#owners) {
      if (by !== owner) continue;
      if (this.random() < EVICTED_SHARE) this.#owners.delete(key);
      else this.#owners.set(key, undefined);
    }
  }

  release(): void {
    // Nothing goes for want of room.
  }

  shrink(): void {
    // See `release`.
  }

  chunk(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

/** Of each node that of its daemon that runs now: what has been on its way is known to one process only. */
export class Shelves {
  readonly #shelves = new Map<string, Shelf>();

  constructor(
    private readonly random: () => number,
    private readonly misplacedShare: number,
  ) {}

  of(node: string): Shelf {
    let shelf = this.#shelves.get(node);
    if (!shelf) this.#shelves.set(node, (shelf = new Shelf(this.random, this.misplacedShare)));
    return shelf;
  }

  /** The daemon has died. */
  forget(node: string): void {
    this.#shelves.delete(node);
  }
}
