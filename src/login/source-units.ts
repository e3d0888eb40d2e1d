/** The units of a job where they come from: the document's pieces and the layer's chunks, read as they are asked for. */
import { ChunkCache } from '../store/chunk-cache.js';
import type { Deployment } from './deployment.js';

type Source = Pick<Deployment, 'document' | 'source' | 'chunkOrder'>;

export class SourceUnits {
  readonly pieceCount: number;
  /** Children that are about equally far read each chunk of the layer once. */
  readonly #cache = new ChunkCache();

  constructor(private readonly deployment: Source) {
    this.pieceCount = deployment.document.pieces.length;
  }

  /** Released by the caller (chunkBuffers). @throws TeesError of the scan: the layer has changed, or cannot be read */
  async read(unit: number): Promise<Buffer> {
    const { document, source } = this.deployment;
    const chunk = unit - this.pieceCount;
    if (chunk >= 0) return this.#cache.get(chunk, () => source.readChunk(chunk));
    return document.pieces[unit] as Buffer;
  }

  async close(): Promise<void> {
    await this.#cache.close();
    await this.deployment.source.close();
  }
}
