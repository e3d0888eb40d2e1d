/**
 * What a node knows of a job's layer once the document is read: what is urgent, in which order chunks come, and
 * the paths that reports name. The manifest itself is let go as soon as the names layer is written, so that a
 * daemon's memory does not grow with the layer.
 */
import { display } from '../base/bytes.js';
import { chunkCountOf } from '../image/chunks.js';
import type { Shipment } from '../image/document.js';
import { dataSize } from '../image/manifest.js';
import type { Manifest } from '../image/manifest.js';
import { ChunkSet } from '../store/chunk-set.js';

export class Cargo {
  /** Every chunk's index once, in order of sending. */
  readonly chunkOrder: readonly number[];
  readonly urgentBytesTotal: number;
  /** The first so many of them are the urgent part. */
  readonly urgentChunks: number;
  urgentBytes = 0;
  hystereticBytes = 0;
  readonly #urgentMissing: ChunkSet;
  readonly #paths: string[] = [];

  constructor({ manifest, order, urgentCount }: Shipment) {
    const chunkOrder: number[] = [];
    this.#urgentMissing = new ChunkSet(chunkCountOf(manifest));
    let urgentBytes = 0;
    order.forEach((index, position) => {
      const content = manifest.contents[index];
      if (!content) return;
      if (position < urgentCount) urgentBytes += dataSize(content);
      for (let chunk = content.firstChunk; chunk < content.firstChunk + content.chunkCount; chunk++) {
        chunkOrder.push(chunk);
        if (position < urgentCount) this.#urgentMissing.add(chunk);
      }
    });
    this.chunkOrder = chunkOrder;
    this.urgentBytesTotal = urgentBytes;
    this.urgentChunks = this.#urgentMissing.count;
    this.#rememberPaths(manifest);
  }

  get urgentIsHere(): boolean {
    return this.#urgentMissing.count === 0;
  }

  chunkArrived(chunk: number, bytes: number): void {
    if (this.#urgentMissing.delete(chunk)) this.urgentBytes += bytes;
    else this.hystereticBytes += bytes;
  }

  /** Inside the environment, of some file with this content. */
  pathOf(content: number): string {
    return this.#paths[content] ?? `content ${content}`;
  }

  #rememberPaths(manifest: Manifest): void {
    for (const entry of manifest.entries) {
      if (entry.content !== undefined) this.#paths[entry.content] ??= '/' + display(entry.path);
    }
  }
}
