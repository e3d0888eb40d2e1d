/**
 * A bounded number of open files, least recently used closed first, and never one that is in use.
 * Several operations at a time may use one descriptor, so they must give offsets (pread, pwrite).
 */
import { closeSync } from 'node:fs';
import { LRUCache } from 'lru-cache';

export interface Descriptor {
  readonly fd: number;
}

interface Slot {
  readonly fd: number;
  users: number;
  evicted: boolean;
}

export class DescriptorCache {
  readonly #slots: LRUCache<number, Slot>;

  /** @param open gives a new descriptor for a key; what it throws reaches the caller of `use` */
  constructor(
    max: number,
    private readonly open: (key: number) => number,
  ) {
    this.#slots = new LRUCache<number, Slot>({ max, dispose: (slot) => this.#evict(slot) });
  }

  /** Every `use` needs its `done`. */
  use(key: number): Descriptor {
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = { fd: this.open(key), users: 0, evicted: false };
      this.#slots.set(key, slot);
    }
    slot.users++;
    return slot;
  }

  done(descriptor: Descriptor): void {
    const slot = descriptor as Slot;
    slot.users--;
    if (slot.evicted && slot.users === 0) closeSync(slot.fd);
  }

  /** Closed now, or when its last user is done. */
  drop(key: number): void {
    this.#slots.delete(key);
  }

  close(): void {
    this.#slots.clear();
  }

  #evict(slot: Slot): void {
    slot.evicted = true;
    if (slot.users === 0) closeSync(slot.fd);
  }
}
