/** Turns what a walk found into a manifest: sorts, finds hardlinks, lets equal data share one content. */
import { chunkDigest } from '../image/chunks.js';
import { chunksOf } from '../image/content-columns.js';
import type { Content, Entry, Manifest } from '../image/manifest.js';
import { dataSize } from '../image/manifest.js';
import { LINKABLE_TYPES } from '../image/rules.js';
import type { FileData } from './digest-cache.js';
import { insideId } from './owners.js';
import type { Owners } from './owners.js';
import type { Found } from './walk.js';

const SECOND_NS = 1_000_000_000n;

/** @param owners of a private environment: whose its files are inside */
export function buildManifest(found: readonly Found[], owners?: Owners): Manifest {
  return new ManifestBuilder(owners).build(found);
}

class ManifestBuilder {
  readonly #entries: Entry[] = [];
  readonly #contents: Content[] = [];
  readonly #digests: Buffer[] = [];
  readonly #contentByData = new Map<string, number>();
  readonly #entryByInode = new Map<string, number>();
  #chunks = 0;

  constructor(private readonly owners: Owners | undefined) {}

  build(found: readonly Found[]): Manifest {
    const sorted = [...found].sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const one of sorted) this.#entries.push(this.#hardlink(one) ?? this.#entry(one));
    return { entries: this.#entries, contents: this.#contents, digests: Buffer.concat(this.#digests) };
  }

  #hardlink({ inode, path, type }: Found): Entry | undefined {
    if (inode === undefined || !LINKABLE_TYPES.has(type)) return undefined;
    const hardlinkTo = this.#entryByInode.get(inode);
    const first = hardlinkTo === undefined ? undefined : this.#entries[hardlinkTo];
    // A reused inode number can be of another type when the layer changes during the walk.
    if (hardlinkTo !== undefined && first?.type === type) return { ...first, path, hardlinkTo };
    this.#entryByInode.set(inode, this.#entries.length);
    return undefined;
  }

  #entry(found: Found): Entry {
    const { path, type, mode, uid, gid, xattrs, opaque, target, data, mtimeNs } = found;
    // Rounded towards the past, so that nanoseconds are natural also before 1970.
    const nanoseconds = ((mtimeNs % SECOND_NS) + SECOND_NS) % SECOND_NS;
    return {
      path,
      type,
      mode,
      uid: this.owners ? insideId(uid, this.owners.users) : uid,
      gid: this.owners ? insideId(gid, this.owners.groups) : gid,
      mtimeSeconds: Number((mtimeNs - nanoseconds) / SECOND_NS),
      mtimeNanoseconds: Number(nanoseconds),
      xattrs,
      opaque,
      size: data?.size ?? 0,
      ...(target === undefined ? {} : { target }),
      ...(data && data.extents.length > 0 ? { content: this.#content(data) } : {}),
    };
  }

  #content(data: FileData): number {
    const key = dataKey(data);
    let content = this.#contentByData.get(key);
    if (content === undefined) {
      content = this.#contents.length;
      this.#contentByData.set(key, content);
      const { size, extents } = data;
      const made = { size, extents, firstChunk: this.#chunks, chunkCount: 0 };
      made.chunkCount = chunksOf(dataSize(made));
      this.#contents.push(made);
      this.#digests.push(data.digests);
      this.#chunks += made.chunkCount;
    }
    return content;
  }
}

function dataKey({ size, extents, digests }: FileData): string {
  const shape = Buffer.from(`${size}:${extents.join()}:`);
  return chunkDigest(Buffer.concat([shape, digests])).toString('latin1');
}
