/**
 * A job's dealings with others on its simulated node: the product's JobContents, and around it what node/layer.ts does, in
 * virtual time.
 */
import { ALONE_AFTER_MS, DIGEST_SIZE_BYTES } from '../base/limits.js';
import type { Content } from '../image/manifest.js';
import type { ChunkSet } from '../store/chunk-set.js';
import type { ContentsOnly } from '../store/content-key.js';
import { JobContents } from '../store/job-contents.js';
import type { FillableStore } from '../store/job-contents.js';
import type { Process } from './host.js';
import type { Shelf } from './shelf.js';

const CHUNKS_MAX = 3;

/** The contents of a layer, of one to three chunks each. */
export interface SimulatedContents extends ContentsOnly {
  /** By chunk. */
  readonly contentOf: readonly number[];
}

/** @param sameShare of the contents: those that other jobs have, too */
export function simulatedContents(
  job: number,
  chunks: number,
  sameShare: number,
  random: () => number,
): SimulatedContents {
  const contents: Content[] = [];
  const contentOf: number[] = [];
  const digests = Buffer.alloc(chunks * DIGEST_SIZE_BYTES);
  while (contentOf.length < chunks) {
    const firstChunk = contentOf.length;
    // As many in each job, so that what is to be the same is.
    const chunkCount = Math.min(1 + ((7 * contents.length) % CHUNKS_MAX), chunks - firstChunk);
    const isOwn = random() >= sameShare;
    for (let chunk = firstChunk; chunk < firstChunk + chunkCount; chunk++) {
      digests.writeUInt32LE(chunk, chunk * DIGEST_SIZE_BYTES);
      digests.writeUInt32LE(isOwn ? job + 1 : 0, chunk * DIGEST_SIZE_BYTES + 4);
      contentOf.push(contents.length);
    }
    contents.push({ size: chunkCount, extents: [0, chunkCount], firstChunk, chunkCount });
  }
  return { contents, digests, contentOf };
}

export interface SharingOptions {
  readonly job: string;
  readonly contents: SimulatedContents;
  readonly pieceCount: number;
  /** Verified and kept. */
  readonly units: ChunkSet;
  readonly shelf: Shelf;
  readonly process: Process;
}

export interface SharingPort {
  isFedByLogin(): boolean;
  onFound(units: readonly number[]): void;
  /** Somebody waits for these. */
  onWanted(firstUnit: number, count: number): void;
  onAlone(): void;
}

export class Sharing implements FillableStore {
  isClosed = false;
  readonly #contents: JobContents;

  constructor(
    private readonly options: SharingOptions,
    private readonly port: SharingPort,
  ) {
    this.#contents = new JobContents(options.shelf, options.contents);
  }

  get isWaiting(): boolean {
    return this.#contents.isWaiting;
  }

  /** The document has been read. */
  fill(): void {
    for (const content of this.options.contents.contents.keys()) {
      if (this.isWhole(content)) this.#contents.brought(content, '');
      else this.#contents.look(content, this);
    }
  }

  join(): void {
    const port = {
      job: this.options.job,
      isFedByLogin: () => this.port.isFedByLogin(),
      onFound: (content: number) => this.port.onFound(this.#unitsOf(content)),
      onAlone: () => this.port.onAlone(),
      onWanted: (content: number) => {
        const [first, count] = this.chunksOf(content);
        this.port.onWanted(this.options.pieceCount + first, count);
      },
      onFailed: (error: Error) => {
        throw error;
      },
    };
    this.#contents.join(this, port, true);
    if (this.isWaiting) this.#watch(-1);
  }

  /** Somebody waits for these units. */
  hurry(firstUnit: number, count: number): void {
    const { pieceCount, contents } = this.options;
    const chunks = contents.contentOf.slice(
      Math.max(0, firstUnit - pieceCount),
      Math.max(0, firstUnit + count - pieceCount),
    );
    for (const content of new Set(chunks)) this.#contents.hurry(content);
  }

  /** It has come by a link. */
  arrived(unit: number): void {
    const content = this.options.contents.contentOf[unit - this.options.pieceCount];
    if (content !== undefined && this.isWhole(content)) this.#contents.brought(content, '');
  }

  end(): void {
    this.isClosed = true;
    this.#contents.stop();
    this.options.shelf.ended(this.#contents);
  }

  isWhole(content: number): boolean {
    return this.#unitsOf(content).every((unit) => this.options.units.has(unit));
  }

  has(chunk: number): boolean {
    return this.options.units.has(this.options.pieceCount + chunk);
  }

  chunksOf(content: number): readonly [first: number, count: number] {
    const { firstChunk, chunkCount } = this.options.contents.contents[content] as Content;
    return [firstChunk, chunkCount];
  }

  chunkBytes(): number {
    return 1;
  }

  contentPath(): string {
    return '';
  }

  found(content: number): void {
    for (const unit of this.#unitsOf(content)) this.options.units.add(unit);
  }

  put(): Promise<unknown> {
    return Promise.reject(new Error('chunks are not kept by themselves here'));
  }

  #watch(before: number): void {
    this.options.process.after(ALONE_AFTER_MS, () => {
      if (this.isClosed || !this.isWaiting) return;
      const now = this.options.units.count + this.#contents.bytesOnTheWay;
      if (now === before) this.#contents.goAlone();
      else this.#watch(now);
    });
  }

  #unitsOf(content: number): number[] {
    const [first, count] = this.chunksOf(content);
    return Array.from({ length: count }, (_, index) => this.options.pieceCount + first + index);
  }
}
