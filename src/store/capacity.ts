/**
 * How much the store of a node may still take: what the jobs on it have reserved is held against the configured
 * size and against what the file system has. Reserving before the first byte makes a full store an error at
 * submission and not in the middle of a stream. What may go at any time (content-cache.ts) counts as free, and what
 * several jobs share counts once: how much that is, a job knows when it has read its document.
 */
import { statfsSync } from 'node:fs';
import { TeesError, assert } from '../base/errors.js';

/** What jobs on this node share. */
export interface SharedContents {
  /** Whether they do. */
  readonly isOn: boolean;
  /** Each content once. */
  readonly busyBytes: number;
}

interface Reservation {
  readonly bytes: number;
  /** So many of them are in contents that the job shares. */
  readonly sharedBytes: () => number;
  /** It is known to fit. */
  isSettled: boolean;
}

const NOTHING_SHARED: SharedContents = { isOn: false, busyBytes: 0 };
const NONE = (): number => 0;

export class Capacity {
  readonly #reservations = new Map<string, Reservation>();
  /** Free bytes when nothing was reserved: while jobs fill the store, what is free now counts them twice. */
  #freeWhenIdleBytes: number;
  #sharedWhenKeptBytes = 0;

  constructor(
    readonly directory: string,
    readonly sizeBytes: number,
    private readonly freeBytes: () => number = () => freeBytesOf(directory),
    private readonly shared: () => SharedContents = () => NOTHING_SHARED,
  ) {
    this.#freeWhenIdleBytes = freeBytes();
  }

  get reservedBytes(): number {
    return this.#reservedBytes(() => true);
  }

  /** What no job has reserved: so much of it as no job needs may be used for something else meanwhile. */
  get unreservedBytes(): number {
    return Math.max(0, this.#limitBytes - this.reservedBytes);
  }

  /** What the next job can have. */
  get availableBytes(): number {
    if (this.#reservations.size === 0) this.#freeWhenIdleBytes = this.freeBytes();
    return Math.max(0, Math.min(this.unreservedBytes, this.freeBytes()));
  }

  /**
   * What does not fit may still do so by what it shares with others; `settle` tells.
   * @throws TeesError STORE_FULL
   */
  reserve(job: string, bytes: number, sharedBytes: () => number = NONE): void {
    this.#checkNew(job);
    const available = this.availableBytes;
    const fits = bytes <= available;
    if (!fits && !(this.shared().isOn && bytes <= this.sizeBytes)) throw this.#full(bytes, available);
    this.#reservations.set(job, { bytes, sharedBytes, isSettled: fits });
  }

  /** The job has taken what others have. @throws TeesError STORE_FULL */
  settle(job: string): void {
    const own = this.#reservations.get(job);
    if (!own || own.isSettled) return;
    const lacking = own.bytes - own.sharedBytes();
    const unreserved = this.#limitBytes - this.#reservedBytes((one) => one.isSettled);
    const available = Math.max(0, Math.min(unreserved, this.freeBytes()));
    if (lacking > available) throw this.#full(lacking, available);
    own.isSettled = true;
  }

  /** A job of an earlier daemon keeps what it had. @param ownBytes so many, which it does not share, are on the file system already */
  keep(job: string, bytes: number, ownBytes: number, sharedBytes: () => number = NONE): void {
    this.#checkNew(job);
    if (this.#reservations.size === 0) this.#freeWhenIdleBytes = this.freeBytes();
    const { busyBytes } = this.shared();
    this.#freeWhenIdleBytes += ownBytes + busyBytes - this.#sharedWhenKeptBytes;
    this.#sharedWhenKeptBytes = busyBytes;
    this.#reservations.set(job, { bytes, sharedBytes, isSettled: true });
  }

  /** Safe to call for a job without a reservation. */
  release(job: string): void {
    this.#reservations.delete(job);
  }

  get #limitBytes(): number {
    return Math.min(this.sizeBytes, this.#freeWhenIdleBytes);
  }

  #reservedBytes(counts: (one: Reservation) => boolean): number {
    let sum = this.shared().busyBytes;
    for (const one of this.#reservations.values())
      if (counts(one)) sum += Math.max(0, one.bytes - one.sharedBytes());
    return sum;
  }

  #checkNew(job: string): void {
    assert(!this.#reservations.has(job), `job ${job} has a reservation already`);
  }

  #full(bytes: number, available: number): TeesError {
    const bySize = this.sizeBytes - this.reservedBytes <= available;
    return new TeesError(
      'STORE_FULL',
      `the store has no room for the job: ${bytes} bytes needed, ${available} available`,
      { path: this.directory, hint: bySize ? HINT_SIZE : HINT_FILE_SYSTEM },
    );
  }
}

const HINT_SIZE = 'Raise store.size in the configuration, or wait until other jobs on this node have ended.';
const HINT_FILE_SYSTEM =
  "The store's file system is fuller than store.size allows for: free space on it, or let store.directory name a larger one.";

/** @throws TeesError STORE_FAILED */
export function freeBytesOf(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch (error) {
    throw TeesError.from(error, 'STORE_FAILED', {
      path: directory,
      hint: 'store.directory must be an existing directory.',
    });
  }
}
