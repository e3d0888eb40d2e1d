/**
 * Chunk-sized buffers that are used again. A daemon that passes hundreds of MB on would otherwise make the garbage
 * collector its main work: memory outside V8's heap is what makes it collect.
 *
 * Each buffer counts its holders: `take` gives it with one, and with the last `release` it may be given to
 * somebody else. Forgetting a release costs a collection; releasing twice would corrupt, and is an assertion.
 * Buffers that did not come from here pass through untouched.
 */
import { assert } from '../base/errors.js';
import { CHUNK_SIZE_BYTES } from '../base/limits.js';

/** Smaller ones share memory in Node's own pool. */
const POOLED_MIN_BYTES = 2 * 1024;
/** Most files are small: they get small buffers. The largest class takes a whole chunk; each keeps 4 MiB at most. */
const CLASSES: readonly { readonly sizeBytes: number; readonly keptMax: number }[] = [
  { sizeBytes: CHUNK_SIZE_BYTES / 32, keptMax: 512 },
  { sizeBytes: CHUNK_SIZE_BYTES / 8, keptMax: 128 },
  { sizeBytes: CHUNK_SIZE_BYTES, keptMax: 16 },
];

export class BufferPool {
  /** By class. */
  readonly #free: readonly ArrayBuffer[][] = CLASSES.map(() => []);
  readonly #holders = new WeakMap<ArrayBufferLike, number>();

  /** Its bytes are whatever was there. */
  take(sizeBytes: number): Buffer {
    const index = CLASSES.findIndex((one) => sizeBytes <= one.sizeBytes);
    const found = CLASSES[index];
    if (!found || sizeBytes < POOLED_MIN_BYTES) return Buffer.allocUnsafe(sizeBytes);
    const memory = this.#free[index]?.pop() ?? new ArrayBuffer(found.sizeBytes);
    this.#holders.set(memory, 1);
    return Buffer.from(memory, 0, sizeBytes);
  }

  /** Whether it counts its holders. */
  owns(buffer: Buffer): boolean {
    return this.#holders.has(buffer.buffer);
  }

  hold(buffer: Buffer): void {
    const holders = this.#holders.get(buffer.buffer);
    if (holders !== undefined) this.#holders.set(buffer.buffer, holders + 1);
  }

  /** Whoever releases a buffer may never look at it again. */
  release(buffer: Buffer): void {
    const memory = buffer.buffer;
    const holders = this.#holders.get(memory);
    if (holders === undefined) return;
    assert(holders > 0, 'a buffer is released once by each holder');
    this.#holders.set(memory, holders - 1);
    if (holders > 1) return;
    const index = CLASSES.findIndex(({ sizeBytes }) => sizeBytes === memory.byteLength);
    const free = this.#free[index];
    if (free && free.length < (CLASSES[index]?.keptMax ?? 0)) free.push(memory as ArrayBuffer);
  }
}

/** One for the process: links and jobs come and go. */
export const chunkBuffers = new BufferPool();
