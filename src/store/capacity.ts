/**
 * How much the store of a node may still take: what the jobs on it have reserved is held against the configured
 * size and against what the file system has. Reserving before the first byte makes a full store an error at
 * submission and not in the middle of a stream. What may go at any time (content-cache.ts) counts as free.
 */
import { statfsSync } from 'node:fs';
import { TeesError, assert } from '../base/errors.js';

export class Capacity {
  readonly #reserved = new Map<string, number>();
  /** Free bytes when nothing was reserved: while jobs fill the store, what is free now counts them twice. */
  #freeWhenIdleBytes: number;

  constructor(
    readonly directory: string,
    readonly sizeBytes: number,
    private readonly freeBytes: () => number = () => freeBytesOf(directory),
  ) {
    this.#freeWhenIdleBytes = freeBytes();
  }

  get reservedBytes(): number {
    let sum = 0;
    for (const bytes of this.#reserved.values()) sum += bytes;
    return sum;
  }

  /** What no job has reserved: so much of it as no job needs may be used for something else meanwhile. */
  get unreservedBytes(): number {
    return Math.max(0, Math.min(this.sizeBytes, this.#freeWhenIdleBytes) - this.reservedBytes);
  }

  /** What the next job can have. */
  get availableBytes(): number {
    if (this.#reserved.size === 0) this.#freeWhenIdleBytes = this.freeBytes();
    return Math.max(0, Math.min(this.unreservedBytes, this.freeBytes()));
  }

  /** @throws TeesError STORE_FULL */
  reserve(job: string, bytes: number): void {
    assert(!this.#reserved.has(job), `job ${job} has a reservation already`);
    const available = this.availableBytes;
    if (bytes > available) {
      const bySize = this.sizeBytes - this.reservedBytes <= available;
      throw new TeesError(
        'STORE_FULL',
        `the store has no room for the job: ${bytes} bytes needed, ${available} available`,
        { path: this.directory, hint: bySize ? HINT_SIZE : HINT_FILE_SYSTEM },
      );
    }
    this.#reserved.set(job, bytes);
  }

  /** A job of an earlier daemon keeps what it had. @param heldBytes so many of them are on the file system already */
  keep(job: string, bytes: number, heldBytes: number): void {
    assert(!this.#reserved.has(job), `job ${job} has a reservation already`);
    if (this.#reserved.size === 0) this.#freeWhenIdleBytes = this.freeBytes();
    this.#freeWhenIdleBytes += heldBytes;
    this.#reserved.set(job, bytes);
  }

  /** Safe to call for a job without a reservation. */
  release(job: string): void {
    this.#reserved.delete(job);
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
