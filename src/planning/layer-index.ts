/** Names of a manifest by path, with hardlinks resolved: what a lookup inside the layer needs. */
import type { ByteString } from '../base/bytes.js';
import type { Entry, Manifest } from '../image/manifest.js';

export interface LayerFile {
  /** As in the manifest: relative to the layer's root. */
  readonly path: ByteString;
  readonly entry: number;
  /** Without one the file holds no data, and nothing of it travels. */
  readonly content: number | undefined;
  readonly size: number;
  readonly mode: number;
  /** The first entry of the same inode. */
  readonly inode: number;
}

export class LayerIndex {
  readonly #entries = new Map<ByteString, number>();

  constructor(readonly manifest: Manifest) {
    manifest.entries.forEach((entry, index) => this.#entries.set(entry.path, index));
  }

  entry(path: ByteString): Entry | undefined {
    const index = this.#entries.get(path);
    return index === undefined ? undefined : this.manifest.entries[index];
  }

  /** The regular file of that name, symbolic links not followed. */
  file(path: ByteString): LayerFile | undefined {
    const index = this.#entries.get(path);
    const entry = index === undefined ? undefined : this.manifest.entries[index];
    if (index === undefined || entry?.type !== 'file') return undefined;
    const inode = entry.hardlinkTo ?? index;
    const first = this.manifest.entries[inode] ?? entry;
    return { path, entry: index, content: first.content, size: first.size, mode: first.mode, inode };
  }

  /** Names directly below a directory of the layer, of any type. */
  *below(directory: ByteString): Generator<Entry> {
    const prefix = directory === '' ? '' : `${directory}/`;
    for (let i = this.#firstAfter(prefix); i < this.manifest.entries.length; i++) {
      const entry = this.manifest.entries[i] as Entry;
      if (!entry.path.startsWith(prefix)) return;
      if (entry.path !== directory) yield entry;
    }
  }

  /** Entries stand in byte order: the first that is not before `path`. */
  #firstAfter(path: string): number {
    let [low, high] = [0, this.manifest.entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.manifest.entries[middle] as Entry).path < path) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
