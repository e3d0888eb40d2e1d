/**
 * The units of a job on their way from the shared storage, at a node: in the order of sending as far as segments have
 * been announced, but those first that somebody waits for. A little is read ahead of what is verified and kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../../base/errors.js';
import {
  RAISED_RANGES_MAX,
  STORAGE_PIECES_AHEAD,
  STORAGE_PIECE_MAX_BYTES,
  STORAGE_VISIBLE_DEADLINE_MS,
  STORAGE_VISIBLE_INTERVAL_MS,
} from '../../base/limits.js';
import { ChunkSet } from '../../store/chunk-set.js';
import type { SegmentLayout } from './segment-layout.js';
import type { StorageProcess } from './storage-process.js';

export interface SegmentReaderOptions {
  /** Of the document alone. */
  readonly layout: SegmentLayout;
  readonly process: Pick<StorageProcess, 'read' | 'path'>;
  holds(unit: number): boolean;
  /** Verifies and keeps it, and releases the buffer (chunkBuffers). */
  receive(unit: number, body: Buffer): Promise<void>;
  /** It cannot go on. */
  onFailed(error: TeesError): void;
  readonly visibleDeadlineMs?: number;
}

/** Units that are read at once: from one place in the order of sending on, in one segment. */
interface Run {
  readonly first: number;
  /** By unit. */
  readonly bodies: Promise<Buffer[]>;
}

export class SegmentReader {
  #layout: SegmentLayout;
  /** By place in the order of sending: read, or being read. */
  #taken: ChunkSet;
  /** All before it are taken. */
  #cursor = 0;
  #segments = 0;
  /** Units [first, end, …] that somebody waits for, in the order asked. */
  #wanted: number[] = [];
  #wantedAt = 0;
  /** The same, in segments that have not been announced. */
  #wantedLater: number[] = [];
  #working = false;
  #stopped = false;

  constructor(private readonly options: SegmentReaderOptions) {
    this.#layout = options.layout;
    this.#taken = new ChunkSet(options.layout.unitCount);
  }

  /** The document has been read: the segments behind it are known. */
  extend(layout: SegmentLayout): void {
    const taken = new ChunkSet(layout.unitCount);
    for (let at = 0; at < layout.pieceCount; at++) taken.add(at);
    this.#layout = layout;
    this.#taken = taken;
    this.#cursor = 0;
    this.#work();
  }

  /** So many segments can be read. */
  stored(segments: number): void {
    if (segments <= this.#segments) return;
    this.#segments = segments;
    this.#wanted = this.#wanted.slice(this.#wantedAt).concat(this.#wantedLater);
    this.#wantedAt = 0;
    this.#wantedLater = [];
    this.#work();
  }

  /** Somebody waits for these units: they are read next, once they can be. */
  want(first: number, count: number): void {
    const waiting = this.#wanted.length + this.#wantedLater.length;
    if (waiting < 2 * RAISED_RANGES_MAX) this.#wanted.push(first, first + count);
    this.#work();
  }

  stop(): void {
    this.#stopped = true;
  }

  #work(): void {
    if (this.#working || this.#stopped) return;
    this.#working = true;
    this.#readAll()
      .catch((error: unknown) => {
        if (this.#stopped) return;
        this.#stopped = true;
        this.options.onFailed(
          TeesError.from(error, 'SHARED_STORAGE_FAILED', { path: this.options.process.path }),
        );
      })
      .finally(() => (this.#working = false));
  }

  async #readAll(): Promise<void> {
    const ahead: Run[] = [];
    while (!this.#stopped) {
      while (ahead.length < STORAGE_PIECES_AHEAD) {
        const run = this.#next();
        if (!run) break;
        ahead.push(run);
      }
      const run = ahead.shift();
      if (!run) return;
      await this.#take(run, await run.bodies);
    }
  }

  async #take({ first }: Run, bodies: readonly Buffer[]): Promise<void> {
    const { process } = this.options;
    const layout = this.#layout;
    for (const [index, body] of bodies.entries()) {
      if (this.#stopped) return;
      const unit = layout.unitAt(first + index);
      const { segment } = layout.placeAt(first + index);
      try {
        await this.options.receive(unit, body);
      } catch (thrown) {
        const error = TeesError.from(thrown, 'STORE_FAILED');
        if (error.code !== 'CHUNK_CORRUPT') throw error;
        throw new TeesError('CHUNK_CORRUPT', `on the shared storage, ${error.message}`, {
          path: `${process.path}/${segment}`,
          cause: error,
          hint: 'Somebody has changed the file, or the storage is damaged.',
        });
      }
    }
  }

  /** What to read next; it is taken from then on. */
  #next(): Run | undefined {
    const wanted = this.#nextWanted();
    const end = this.#layout.firstOf(this.#segments);
    if (wanted === undefined) {
      this.#cursor = this.#firstMissing(this.#cursor, end);
      if (this.#cursor >= end) return undefined;
    }
    return this.#run(wanted ?? this.#cursor);
  }

  /** Place in the order of the first unit that somebody waits for and that can be read. */
  #nextWanted(): number | undefined {
    const wanted = this.#wanted;
    const readable = this.#layout.firstOf(this.#segments);
    for (; this.#wantedAt < wanted.length; this.#wantedAt += 2) {
      const end = Math.min(wanted[this.#wantedAt + 1] as number, this.#layout.unitCount);
      let unit = wanted[this.#wantedAt] as number;
      while (unit < end && this.#has(this.#layout.positionOf(unit))) unit++;
      if (unit >= end) continue;
      const at = this.#layout.positionOf(unit);
      wanted[this.#wantedAt] = unit;
      if (at < readable) return at;
      this.#wantedLater.push(unit, end);
    }
    this.#wanted = [];
    this.#wantedAt = 0;
    return undefined;
  }

  #has(at: number): boolean {
    return this.#taken.has(at) || this.options.holds(this.#layout.unitAt(at));
  }

  #firstMissing(from: number, end: number): number {
    let at = this.#taken.firstMissing(from, end);
    while (at < end && this.options.holds(this.#layout.unitAt(at)))
      at = this.#taken.firstMissing(at + 1, end);
    return at;
  }

  #run(first: number): Run {
    const { segment, offset } = this.#layout.placeAt(first);
    const segmentEnd = this.#layout.firstOf(segment + 1);
    const lengths: number[] = [];
    let bytes = 0;
    for (let end = first; end < segmentEnd && (end === first || !this.#has(end)); end++) {
      const more = this.#layout.placeAt(end).length;
      if (end > first && bytes + more > STORAGE_PIECE_MAX_BYTES) break;
      bytes += more;
      lengths.push(more);
      this.#taken.add(end);
    }
    const bodies = this.#read(segment, offset, lengths);
    // Heard in its turn.
    bodies.catch(() => {});
    return { first, bodies };
  }

  /** Others' caches may take a while to see a new file; a node without the storage never sees it. */
  async #read(segment: number, offset: number, lengths: readonly number[]): Promise<Buffer[]> {
    const { process, visibleDeadlineMs = STORAGE_VISIBLE_DEADLINE_MS } = this.options;
    for (const deadline = Date.now() + visibleDeadlineMs; ;) {
      try {
        return await process.read(segment, offset, lengths);
      } catch (error) {
        if (!(error instanceof TeesError) || error.code !== 'SHARED_STORAGE_UNSEEN') throw error;
        if (this.#stopped || Date.now() > deadline) throw error;
        await sleep(STORAGE_VISIBLE_INTERVAL_MS);
      }
    }
  }
}
