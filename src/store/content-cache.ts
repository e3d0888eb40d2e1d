/**
 * What jobs have brought to a node, kept for later ones, by digest: a job takes what is here instead of being sent it.
 * Bounded; lru-cache decides what goes, and never what a running job uses.
 *
 * Who asks for a content has a manifest that names it. Nobody hands in a manifest: the login daemon makes it from the
 * bytes of the user's own layer, so that nobody gets what they do not have (docs/decisions/0018-content-cache.md).
 *
 * A content is one file. While the job that has brought it runs, it is in that job's directory; after that it is here.
 * Who takes it gets a link to it, which costs no memory and stays when the cache lets it go.
 */
import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { CHUNK_SIZE_BYTES, CONTENT_CACHE_ENTRIES_MAX, DIGEST_SIZE_BYTES } from '../base/limits.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import { CacheDirectory } from './cache-directory.js';
import type { KeptFile } from './cache-directory.js';
import { keyOf } from './content-key.js';
import type { ContentKey } from './content-key.js';
import { OnTheWay } from './on-the-way.js';

/** Of a content that a job has whole. */
export interface Offered {
  readonly path: string;
  /** Of its file, holes included; and of its data. */
  readonly size: number;
  readonly dataBytes: number;
  /** Digests of its chunks, if it has several and no holes: then each is of use by itself. */
  readonly chunks?: Buffer;
}

interface Entry extends KeptFile {
  /** Jobs that use it. */
  users: number;
  /** The running job that has brought it; undefined: its file is in the cache's directory. */
  owner: object | undefined;
  path: string;
  readonly chunks: Buffer | undefined;
}

interface ChunkPlace {
  readonly entry: Entry;
  readonly offset: number;
}

/** What an entry takes beside its data: an inode, and its name. */
const ENTRY_OVERHEAD_BYTES = 1024;

export class ContentCache {
  readonly onTheWay = new OnTheWay();
  readonly #directory: CacheDirectory;
  /** Used by no job: what may go. */
  readonly #idle: LRUCache<ContentKey, Entry> | undefined;
  readonly #busy = new Map<ContentKey, Entry>();
  #busyBytes = 0;
  readonly #chunks = new Map<ContentKey, ChunkPlace>();

  /**
   * With what an earlier daemon has kept.
   * @param directory on the jobs' file system; nothing else lies in it
   * @param maxBytes 0: nothing is kept
   * @throws TeesError STORE_FAILED
   */
  constructor(directory: string, maxBytes: number) {
    this.#directory = new CacheDirectory(directory);
    const kept = this.#directory.open(maxBytes > 0);
    if (maxBytes === 0) return;
    this.#idle = new LRUCache<ContentKey, Entry>({
      max: CONTENT_CACHE_ENTRIES_MAX,
      maxSize: maxBytes,
      sizeCalculation: ({ dataBytes }) => dataBytes + ENTRY_OVERHEAD_BYTES,
      dispose: (entry, _, reason) => {
        if (reason === 'evict') this.#remove(entry);
      },
    });
    for (const file of kept) this.#rest(this.#entryOf(file));
  }

  get isOn(): boolean {
    return this.#idle !== undefined;
  }

  /** Of what no job uses. */
  get idleBytes(): number {
    return this.#idle?.calculatedSize ?? 0;
  }

  /** Of what jobs use, each content once. */
  get busyBytes(): number {
    return this.#busyBytes;
  }

  /** What was used least recently goes until no more than so much is kept that no job uses. */
  shrink(maxBytes: number): void {
    while (this.idleBytes > Math.max(0, maxBytes)) this.#idle?.pop();
  }

  /** Links the content's file to `path`. @returns whether it is here; the job uses it from now on, until `release` */
  take(key: ContentKey, path: string): boolean {
    const entry = this.#find(key);
    if (!entry) return false;
    try {
      linkSync(entry.path, path);
    } catch {
      // A job that is ending has just moved it, and keeps it in a moment; or else it is gone.
      if (!entry.owner) this.#lose(entry);
      return false;
    }
    this.#use(entry);
    return true;
  }

  /** A job has brought a content, and uses it until `release`. @returns whether it is taken note of */
  offer(owner: object, key: ContentKey, { path, size, dataBytes, chunks }: Offered): boolean {
    if (!this.isOn) return false;
    const known = this.#find(key);
    if (known) this.#use(known);
    else {
      if (this.#busy.size >= CONTENT_CACHE_ENTRIES_MAX) return false;
      const entry = { key, size, dataBytes, path, chunks, owner, users: 1 };
      this.#setBusy(entry);
      this.#addChunks(entry);
    }
    return true;
  }

  /** A job uses it no more. @param path where its file is now, if this job has brought it */
  release(owner: object, key: ContentKey, path: string): void {
    const entry = this.#busy.get(key);
    if (!entry) return;
    entry.users--;
    if (entry.owner === owner && !this.#keep(entry, path)) return this.#lose(entry);
    if (entry.users > 0) return;
    this.#setIdle(entry);
    this.#rest(entry);
  }

  /** A chunk that some content here has; whoever takes it verifies it, and releases it (chunkBuffers). */
  async chunk(key: ContentKey, length: number): Promise<Buffer | undefined> {
    const place = this.#chunks.get(key);
    if (!place) return undefined;
    const body = chunkBuffers.take(length);
    try {
      const file = await open(place.entry.path);
      try {
        if ((await file.read(body, 0, length, place.offset)).bytesRead === length) return body;
      } finally {
        await file.close();
      }
    } catch {
      // It has gone since.
    }
    chunkBuffers.release(body);
    return undefined;
  }

  /** A few bytes that are kept by themselves. */
  read(digest: Buffer): Buffer | undefined {
    const entry = this.#find(keyOf(digest));
    const bytes = entry && this.#directory.read(entry, digest);
    if (entry && !bytes && !entry.owner) this.#lose(entry);
    return bytes;
  }

  write(digest: Buffer, bytes: Buffer): void {
    const key = keyOf(digest);
    if (!this.isOn || this.#find(key)) return;
    const file = { key, size: bytes.length, dataBytes: bytes.length };
    if (this.#directory.write(file, bytes)) this.#rest(this.#entryOf(file));
  }

  #entryOf(file: KeptFile): Entry {
    return { ...file, users: 0, owner: undefined, path: this.#directory.pathOf(file), chunks: undefined };
  }

  #find(key: ContentKey): Entry | undefined {
    return this.#busy.get(key) ?? this.#idle?.get(key);
  }

  #use(entry: Entry): void {
    entry.users++;
    if (this.#idle?.delete(entry.key)) this.#setBusy(entry);
  }

  #setBusy(entry: Entry): void {
    this.#busy.set(entry.key, entry);
    this.#busyBytes += entry.dataBytes;
  }

  #setIdle(entry: Entry): void {
    if (this.#busy.delete(entry.key)) this.#busyBytes -= entry.dataBytes;
  }

  #rest(entry: Entry): void {
    this.#idle?.set(entry.key, entry);
    // By itself it may be more than is kept.
    if (!this.#idle?.has(entry.key)) this.#remove(entry);
  }

  #keep(entry: Entry, path: string): boolean {
    try {
      renameSync(path, this.#directory.pathOf(entry));
    } catch {
      return false;
    }
    entry.owner = undefined;
    entry.path = this.#directory.pathOf(entry);
    return true;
  }

  /** Its file is not where it should be. */
  #lose(entry: Entry): void {
    this.#idle?.delete(entry.key);
    this.#setIdle(entry);
    this.#remove(entry);
  }

  #remove(entry: Entry): void {
    this.#dropChunks(entry);
    if (entry.owner) return;
    try {
      unlinkSync(entry.path);
    } catch {
      // It is gone.
    }
  }

  #addChunks(entry: Entry): void {
    for (const [index, key] of chunkKeys(entry).entries())
      if (!this.#chunks.has(key)) this.#chunks.set(key, { entry, offset: index * CHUNK_SIZE_BYTES });
  }

  #dropChunks(entry: Entry): void {
    for (const key of chunkKeys(entry)) if (this.#chunks.get(key)?.entry === entry) this.#chunks.delete(key);
  }
}

function chunkKeys({ chunks }: Entry): ContentKey[] {
  const keys: ContentKey[] = [];
  for (let at = 0; chunks && at < chunks.length; at += DIGEST_SIZE_BYTES)
    keys.push(keyOf(chunks.subarray(at, at + DIGEST_SIZE_BYTES)));
  return keys;
}
