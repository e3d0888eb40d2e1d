/** What the login side can do with a scanned layer: give any chunk, as it was submitted or not at all. */
import type { Manifest } from '../image/manifest.js';
import type { ByteString } from '../base/bytes.js';

export interface LayerSource {
  readonly manifest: Manifest;
  /**
   * The chunk's bytes, verified against the manifest; the caller releases them (chunkBuffers).
   * @throws TeesError LAYER_CHANGED, naming the file, when it is no longer what was scanned
   */
  readChunk(chunk: number): Promise<Buffer>;
  /** The layer's path of some file with this content, for messages. */
  pathOf(content: number): ByteString;
  close(): Promise<void>;
}
