/** One job's dealings with the content cache: what it takes from it, what it brings, and what it leaves behind. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TeesError } from '../base/errors.js';
import { isWithoutHoles } from '../image/content-columns.js';
import { dataSize } from '../image/manifest.js';
import type { Content } from '../image/manifest.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import { ChunkSet } from './chunk-set.js';
import type { ContentCache } from './content-cache.js';
import { chunkKey, contentKey, digestsOf } from './content-key.js';
import type { ContentsOnly } from './content-key.js';

/** Links and renames take some microseconds each: between so many of them others get their turn. */
const STEPS_A_TURN = 256;

/** A job's store, as far as it can be filled from here (job-store.ts). */
export interface FillableStore {
  readonly isClosed: boolean;
  isWhole(content: number): boolean;
  has(chunk: number): boolean;
  chunksOf(content: number): readonly [first: number, count: number];
  chunkBytes(chunk: number): number;
  contentPath(content: number): string;
  /** It is at its path now. */
  found(content: number): void;
  put(chunk: number, body: Buffer): Promise<unknown>;
}

export class JobContents {
  /** Those that this job uses. */
  readonly #used: ChunkSet;

  constructor(
    private readonly cache: ContentCache,
    private readonly manifest: ContentsOnly,
  ) {
    this.#used = new ChunkSet(manifest.contents.length);
  }

  /** Takes what is on this node already: whole contents, and of larger ones the chunks that have not changed. */
  async fill(store: FillableStore): Promise<void> {
    if (!this.cache.isOn) return;
    for (const content of this.manifest.contents.keys()) {
      if (content % STEPS_A_TURN === STEPS_A_TURN - 1) await nextTurn();
      if (store.isClosed) throw new TeesError('STORE_CLOSED', 'the job is over on this node');
      if (store.isWhole(content)) continue;
      if (this.#take(content, store.contentPath(content))) store.found(content);
      else await this.#takeChunks(content, store);
    }
  }

  async #takeChunks(content: number, store: FillableStore): Promise<void> {
    const [first, count] = store.chunksOf(content);
    for (let chunk = first; count > 1 && chunk < first + count; chunk++) {
      if (store.has(chunk)) continue;
      const key = chunkKey(this.manifest, chunk);
      const body = await this.cache.chunk(key, store.chunkBytes(chunk));
      if (!body) continue;
      try {
        await store.put(chunk, body);
      } catch (error) {
        // What is no more what it was arrives anew.
        if (TeesError.from(error, 'STORE_FAILED').code !== 'CHUNK_CORRUPT') throw error;
      } finally {
        chunkBuffers.release(body);
      }
    }
  }

  /** @returns whether the content is at this path now */
  #take(content: number, path: string): boolean {
    if (!this.cache.take(contentKey(this.manifest, content), path)) return false;
    this.#used.add(content);
    return true;
  }

  /** It has arrived whole. */
  brought(content: number, path: string): void {
    if (!this.cache.isOn || this.#used.has(content)) return;
    const what = this.manifest.contents[content] as Content;
    const chunks =
      what.chunkCount > 1 && isWithoutHoles(what)
        ? { chunks: Buffer.from(digestsOf(this.manifest, what)) }
        : {};
    const offered = { path, size: what.size, dataBytes: dataSize(what), ...chunks };
    if (this.cache.offer(this, contentKey(this.manifest, content), offered)) this.#used.add(content);
  }

  /** Room on the file system, for what a running job needs. @returns whether there may be more now */
  makeRoom(): boolean {
    const had = this.cache.idleBytes > 0;
    this.cache.shrink(0);
    return had;
  }

  /** The job is over, and nobody looks at its files any more. @param pathOf where a content's file is now */
  async leave(pathOf: (content: number) => string): Promise<void> {
    let steps = 0;
    for (const [start, end] of this.#used.held(0, this.#used.size)) {
      for (let content = start; content < end; content++) {
        this.cache.release(this, contentKey(this.manifest, content), pathOf(content));
        if (++steps % STEPS_A_TURN === 0) await nextTurn();
      }
    }
  }
}
