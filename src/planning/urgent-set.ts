/** Collects urgent files, each path once, in the order in which a starting program opens them. */
import type { ByteString } from '../base/bytes.js';
import type { UncoveredReason } from './uncovered.js';
import type { FileInView } from './environment-view.js';
import type { LayerFile } from './layer-index.js';
import type { MissingFile, UrgentFile, UrgentReason } from './split.js';

export class UrgentSet {
  readonly #files = new Map<ByteString, UrgentFile>();
  readonly #missing = new Map<ByteString, MissingFile>();

  /** Programs that are started before any of them could wait for a file, by path. */
  readonly uncovered = new Map<ByteString, UncoveredReason>();

  /** Whether any program is started by a dynamic loader. */
  usesLoader = false;

  /** Files of the node, and files without data, have nothing to travel. */
  add(file: FileInView, reason: UrgentReason, neededBy: ByteString): void {
    if (file.layer) this.addLayerFile(file.layer, reason, neededBy);
  }

  addLayerFile(file: LayerFile, reason: UrgentReason, neededBy: ByteString): void {
    if (file.content === undefined || this.#files.has(file.path)) return;
    this.#files.set(file.path, { path: file.path, content: file.content, reason, neededBy });
  }

  addMissing(missing: MissingFile): void {
    if (!this.#missing.has(missing.name)) this.#missing.set(missing.name, missing);
  }

  get files(): UrgentFile[] {
    return [...this.#files.values()];
  }

  get missing(): MissingFile[] {
    return [...this.#missing.values()];
  }

  get contents(): Set<number> {
    return new Set(this.files.map((file) => file.content));
  }
}
