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
import type { ContentKey, ContentsOnly } from './content-key.js';
import type { Bringer, Waiter } from './on-the-way.js';

/** Links and renames take some microseconds each: between so many of them others get their turn. */
const STEPS_A_TURN = 256;

/** What a job needs of the cache. */
export type SharedCache = Pick<
  ContentCache,
  'isOn' | 'idleBytes' | 'onTheWay' | 'take' | 'offer' | 'release' | 'chunk' | 'shrink'
>;

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

/** A job that waits for what is on its way for others (on-the-way.ts), or is waited for. */
export interface JoiningPort {
  readonly job: string;
  isFedByLogin(): boolean;
  /** A content is here that was waited for. */
  onFound(content: number): void;
  /** It waits no more: all is here, or whoever was to bring it has gone. */
  onAlone(): void;
  /** Somebody else on this node waits for a content that comes for this job. */
  onWanted(content: number): void;
  onFailed(error: TeesError): void;
}

export class JobContents implements Bringer, Waiter {
  /** Those that this job uses. */
  readonly #used: ChunkSet;
  #usedBytes = 0;
  #waitedBytes = 0;
  #joined: { readonly store: FillableStore; readonly port: JoiningPort } | undefined;
  /** What was not here when it was looked for; some of it may have come since. */
  readonly #missing = new Map<ContentKey, number>();
  /** Of that, what is on its way to this job, and what to others, which it waits for. */
  readonly #brings = new Map<ContentKey, number>();
  readonly #waitsFor = new Map<ContentKey, number>();
  /** Of these, what comes in several chunks. */
  readonly #largeWaitsFor = new Set<ContentKey>();

  constructor(
    private readonly cache: SharedCache,
    private readonly manifest: ContentsOnly,
  ) {
    this.#used = new ChunkSet(manifest.contents.length);
  }

  /** Of contents that this job shares, or could: the cache counts those (`busyBytes`). */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Of those, and of what others bring. */
  get sharedBytes(): number {
    return this.#usedBytes + this.#waitedBytes;
  }

  /** Takes what is on this node already: whole contents, and of larger ones the chunks that have not changed. */
  async fill(store: FillableStore): Promise<void> {
    if (!this.cache.isOn) return;
    for (const content of this.manifest.contents.keys()) {
      if (content % STEPS_A_TURN === STEPS_A_TURN - 1) await nextTurn();
      if (store.isClosed) throw new TeesError('STORE_CLOSED', 'the job is over on this node');
      if (!this.look(content, store)) await this.#takeChunks(content, store);
    }
  }

  /** One whole content. @returns whether the store has it now */
  look(content: number, store: FillableStore): boolean {
    if (store.isWhole(content)) return true;
    const key = contentKey(this.manifest, content);
    if (!this.#take(content, key, store)) {
      this.#missing.set(key, content);
      return false;
    }
    store.found(content);
    return true;
  }

  /**
   * The rest: when all of it is on its way for other jobs on this node, this one waits for that, and need not be sent it.
   * Otherwise it is sent it, and others may wait.
   * @param mayWait whether it would be sent anything by somebody whom it can ask not to
   */
  join(store: FillableStore, port: JoiningPort, mayWait: boolean): void {
    // Who is over brings nothing that others could wait for.
    if (!this.cache.isOn || store.isClosed) return;
    this.#joined = { store, port };
    const missing = this.#missing;
    const { onTheWay } = this.cache;
    for (const [key, content] of missing) {
      const isHere = store.isWhole(content);
      if (isHere) missing.delete(key);
      // It may just have come.
      else if (this.#take(content, key, store)) this.#found(key, content);
    }
    if (mayWait && [...missing.keys()].every((key) => onTheWay.isComing(key, port.job))) {
      for (const [key, content] of missing) {
        onTheWay.wait(key, this);
        this.#waitsFor.set(key, content);
        this.#waitedBytes += this.#bytesOf(content);
        if (store.chunksOf(content)[1] > 1) this.#largeWaitsFor.add(key);
      }
    } else {
      for (const [key, content] of missing) {
        onTheWay.bring(key, this);
        this.#brings.set(key, content);
      }
    }
  }

  get isWaiting(): boolean {
    return this.#waitsFor.size > 0;
  }

  /** So many bytes are here of contents of several chunks that this job waits for. */
  get bytesOnTheWay(): number {
    let sum = 0;
    for (const key of this.#largeWaitsFor) sum += this.cache.onTheWay.bringerOf(key)?.bytesOf(key) ?? 0;
    return sum;
  }

  get job(): string {
    return this.#joined?.port.job ?? '';
  }

  isFedByLogin(): boolean {
    return this.#joined?.port.isFedByLogin() ?? false;
  }

  /** Nothing comes of what it waits for: it is sent that by itself. */
  goAlone(): void {
    if (!this.#joined) return;
    const { store, port } = this.#joined;
    this.#waitNoMore();
    this.join(store, port, false);
    port.onAlone();
  }

  /** Somebody in this job waits for it. */
  want(key: ContentKey): void {
    const content = this.#brings.get(key);
    if (content !== undefined) this.#joined?.port.onWanted(content);
  }

  /** Before its turn, if it is on its way for another job. */
  hurry(content: number): void {
    const key = contentKey(this.manifest, content);
    if (this.#waitsFor.has(key)) this.cache.onTheWay.bringerOf(key)?.want(key);
  }

  bytesOf(key: ContentKey): number {
    const content = this.#brings.get(key);
    const store = this.#joined?.store;
    if (content === undefined || !store) return 0;
    const [first, count] = store.chunksOf(content);
    let sum = 0;
    for (let chunk = first; chunk < first + count; chunk++)
      if (store.has(chunk)) sum += store.chunkBytes(chunk);
    return sum;
  }

  arrived(key: ContentKey): void {
    const content = this.#waitsFor.get(key);
    if (content === undefined || !this.#joined) return;
    const { store, port } = this.#joined;
    this.#waitsFor.delete(key);
    this.#largeWaitsFor.delete(key);
    this.#waitedBytes -= this.#bytesOf(content);
    if (store.isClosed) return this.stop();
    try {
      if (!this.#take(content, key, store)) return this.lost();
      this.#found(key, content);
    } catch (error) {
      // Whoever has brought it has no part in that.
      this.stop();
      return port.onFailed(TeesError.from(error, 'STORE_FAILED'));
    }
    if (this.#waitsFor.size === 0) port.onAlone();
  }

  #found(key: ContentKey, content: number): void {
    this.#missing.delete(key);
    this.#joined?.store.found(content);
    this.#joined?.port.onFound(content);
  }

  /** What is missing may be on its way for yet another job. */
  lost(): void {
    if (!this.#joined) return;
    const { store, port } = this.#joined;
    this.#waitNoMore();
    this.join(store, port, true);
    if (!this.isWaiting) port.onAlone();
  }

  /** Nothing comes any more: the job is over. */
  stop(): void {
    this.#waitNoMore();
    this.#joined = undefined;
    this.cache.onTheWay.gone(this, this.#brings.keys());
    this.#brings.clear();
  }

  #waitNoMore(): void {
    for (const key of this.#waitsFor.keys()) this.cache.onTheWay.waitNoMore(key, this);
    this.#waitsFor.clear();
    this.#largeWaitsFor.clear();
    this.#waitedBytes = 0;
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
  #take(content: number, key: ContentKey, store: FillableStore): boolean {
    if (!this.cache.take(key, store.contentPath(content))) return false;
    this.#use(content);
    return true;
  }

  #use(content: number): void {
    if (this.#used.add(content)) this.#usedBytes += this.#bytesOf(content);
  }

  #bytesOf(content: number): number {
    return dataSize(this.manifest.contents[content] as Content);
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
    const key = contentKey(this.manifest, content);
    if (this.cache.offer(this, key, offered)) this.#use(content);
    if (this.#brings.delete(key)) this.cache.onTheWay.arrived(key, this);
  }

  /** Room on the file system, for what a running job needs. @returns whether there may be more now */
  makeRoom(): boolean {
    const had = this.cache.idleBytes > 0;
    this.cache.shrink(0);
    return had;
  }

  /** The job is over, and nobody looks at its files any more. @param pathOf where a content's file is now */
  async leave(pathOf: (content: number) => string): Promise<void> {
    this.stop();
    let steps = 0;
    for (const [start, end] of this.#used.held(0, this.#used.size)) {
      for (let content = start; content < end; content++) {
        this.cache.release(this, contentKey(this.manifest, content), pathOf(content));
        if (++steps % STEPS_A_TURN === 0) await nextTurn();
      }
    }
  }
}
