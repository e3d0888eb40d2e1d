/** Verified chunks in memory, for children that are a little behind; bounded by what they really keep alive. */
import { LRUCache } from 'lru-cache';
import { CHUNK_CACHE_MAX_BYTES } from '../base/limits.js';
import { chunkBuffers } from '../wire/buffer-pool.js';

/** What an entry costs beside its bytes. */
const ENTRY_OVERHEAD_BYTES = 256;

interface Reading {
  readonly body: Promise<Buffer>;
  waiters: number;
}

export class ChunkCache {
  readonly #chunks: LRUCache<number, Buffer> | undefined;
  readonly #reading = new Map<number, Reading>();

  /** @param maxBytes 0 for none */
  constructor(maxBytes = CHUNK_CACHE_MAX_BYTES) {
    if (maxBytes === 0) return;
    this.#chunks = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (body) => body.buffer.byteLength + ENTRY_OVERHEAD_BYTES,
      dispose: (body) => chunkBuffers.release(body),
    });
  }

  set(chunk: number, body: Buffer): void {
    if (!this.#chunks) return;
    const kept = alone(body);
    if (kept === body) chunkBuffers.hold(body);
    this.#chunks.set(chunk, kept);
  }

  /**
   * A chunk from memory, or by `fetch`, which is called once however many ask at the same time.
   * Each caller holds what it is given, and releases it (chunkBuffers).
   */
  async get(chunk: number, fetch: () => Promise<Buffer>): Promise<Buffer> {
    const cached = this.#chunks?.get(chunk);
    if (cached) {
      chunkBuffers.hold(cached);
      return cached;
    }
    let reading = this.#reading.get(chunk);
    if (!reading) {
      reading = { body: this.#read(chunk, fetch), waiters: 0 };
      this.#reading.set(chunk, reading);
    }
    reading.waiters++;
    return reading.body;
  }

  /** Waits for what is being read. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#reading.values()].map(({ body }) => body));
    this.#chunks?.clear();
  }

  async #read(chunk: number, fetch: () => Promise<Buffer>): Promise<Buffer> {
    try {
      const body = await fetch();
      this.set(chunk, body);
      for (let i = this.#reading.get(chunk)?.waiters ?? 0; i > 0; i--) chunkBuffers.hold(body);
      chunkBuffers.release(body);
      return body;
    } finally {
      this.#reading.delete(chunk);
    }
  }
}

/** A few bytes out of a large buffer would keep all of it; a pool's buffer is used again. */
function alone(body: Buffer): Buffer {
  if (chunkBuffers.owns(body) || body.buffer.byteLength <= 2 * body.length) return body;
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  return copy;
}
