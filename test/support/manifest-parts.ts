/** Small manifests written by hand, for tests that say exactly what stands in them. */
import type { ByteString } from '../../src/base/bytes.js';
import { fromText } from '../../src/base/bytes.js';
import { TeesError } from '../../src/base/errors.js';
import { CHUNK_SIZE_BYTES } from '../../src/base/limits.js';
import { chunkDigest } from '../../src/image/chunks.js';
import { decodeManifest } from '../../src/image/codec.js';
import type { Content, Entry, EntryType, Manifest } from '../../src/image/manifest.js';

/** An entry, and for a file with data what it holds. */
export interface Part {
  readonly entry: Entry;
  readonly data?: Buffer;
}

export function entry(path: string, type: EntryType, more: Partial<Entry> = {}): Part {
  return {
    entry: {
      path: fromText(path),
      type,
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtimeSeconds: 1_700_000_000,
      mtimeNanoseconds: 0,
      xattrs: [],
      opaque: false,
      size: 0,
      ...more,
    },
  };
}

export function directory(path: string, more: Partial<Entry> = {}): Part {
  return entry(path, 'directory', more);
}

export function symlink(path: string, target: string): Part {
  return entry(path, 'symlink', { target: fromText(target) });
}

export function file(
  path: string,
  text: string | Buffer = '',
  attributes: Record<string, string> = {},
): Part {
  const data = Buffer.from(text);
  const xattrs = Object.entries(attributes).map(([name, value]) => ({
    name: name as ByteString,
    value: Buffer.from(value),
  }));
  return { ...entry(path, 'file', { size: data.length, xattrs }), ...(data.length > 0 ? { data } : {}) };
}

/** In the order given: nothing is checked or sorted, so that wrong manifests can be made too. */
export function manifestOf(...parts: readonly Part[]): Manifest {
  const contents: Content[] = [];
  const digests: Buffer[] = [];
  const entries = parts.map(({ entry, data }) => {
    if (!data) return entry;
    const firstChunk = digests.length;
    for (let at = 0; at < data.length; at += CHUNK_SIZE_BYTES)
      digests.push(chunkDigest(data.subarray(at, at + CHUNK_SIZE_BYTES)));
    contents.push({
      size: data.length,
      extents: [0, data.length],
      firstChunk,
      chunkCount: digests.length - firstChunk,
    });
    return { ...entry, content: contents.length - 1 };
  });
  return { entries, contents, digests: Buffer.concat(digests) };
}

/** How the decoder refuses these bytes; undefined when it accepts them. Any other exception is passed on. */
export function refusal(bytes: Buffer): TeesError | undefined {
  try {
    decodeManifest(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof TeesError && error.code === 'MANIFEST_INVALID') return error;
    throw error;
  }
}
