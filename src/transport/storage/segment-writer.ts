/** The units of a job on their way to the shared storage, at the login node: segment after segment, each announced. */
import { STORAGE_PIECES_AHEAD, STORAGE_PIECE_MAX_BYTES } from '../../base/limits.js';
import type { SegmentLayout } from './segment-layout.js';
import type { StorageProcess } from './storage-process.js';

export interface SegmentWriterOptions {
  readonly layout: SegmentLayout;
  readonly process: Pick<StorageProcess, 'write' | 'finish'>;
  /** It is released when it has been written (chunkBuffers). */
  readUnit(unit: number): Promise<Buffer>;
  /** So many segments can be read now. */
  onStored(segments: number): void;
}

export class SegmentWriter {
  bytesWritten = 0;
  #stopped = false;
  /** Writes that have not been answered, the oldest first. */
  readonly #writes: Promise<void>[] = [];

  constructor(private readonly options: SegmentWriterOptions) {}

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when all is written, or it was stopped. @throws TeesError of the storage, or why a unit cannot be read */
  async run(): Promise<void> {
    const { layout, process } = this.options;
    for (let segment = 0; segment < layout.segmentCount && !this.#stopped; segment++) {
      await this.#write(segment);
      if (this.#stopped) return;
      await process.finish(segment);
      this.options.onStored(segment + 1);
    }
  }

  async #write(segment: number): Promise<void> {
    const { layout } = this.options;
    let gathered: Buffer[] = [];
    let bytes = 0;
    for (let at = layout.firstOf(segment); at < layout.firstOf(segment + 1) && !this.#stopped; at++) {
      const { length } = layout.placeAt(at);
      if (bytes + length > STORAGE_PIECE_MAX_BYTES) {
        await this.#send(segment, gathered);
        [gathered, bytes] = [[], 0];
      }
      gathered.push(await this.options.readUnit(layout.unitAt(at)));
      bytes += length;
    }
    await this.#send(segment, gathered);
    await Promise.all(this.#writes.splice(0));
  }

  async #send(segment: number, gathered: readonly Buffer[]): Promise<void> {
    if (gathered.length === 0) return;
    const write = this.options.process.write(segment, gathered).then(() => {
      for (const { length } of gathered) this.bytesWritten += length;
    });
    // Heard below.
    write.catch(() => {});
    this.#writes.push(write);
    if (this.#writes.length >= STORAGE_PIECES_AHEAD) await this.#writes.shift();
  }
}
