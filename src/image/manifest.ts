/**
 * The manifest: everything that must be known of an upper layer to rebuild its names anywhere, and the digests
 * by which its contents are verified. Pure data; `codec.ts` turns it into bytes and back, `../scan` makes it.
 *
 * Entries stand in ascending byte order of their paths, so that a directory precedes what it holds.
 * Contents (what regular files hold) are apart from names: hardlinks and equal files share one content.
 * The content's index is its identity everywhere in a job: in the store, on the wire, in the serving hook.
 */
import type { ByteString } from '../base/bytes.js';

export type EntryType = 'directory' | 'file' | 'symlink' | 'fifo' | 'socket' | 'whiteout';

export interface Xattr {
  /** With its namespace: `user.mime_type`, `security.capability`, `system.posix_acl_access`. */
  readonly name: ByteString;
  readonly value: Buffer;
}

export interface Entry {
  /** Relative to the layer's root, no leading or trailing slash; the root itself is ''. */
  readonly path: ByteString;
  readonly type: EntryType;
  /** Permission bits with set-id and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Modification time: whole seconds since the epoch (may be negative) and nanoseconds (0 to 999,999,999). */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Without the overlay's private ones (`trusted.overlay.*`, `user.overlay.*`). Sorted by name. */
  readonly xattrs: readonly Xattr[];
  /** Directories: hides what lower layers hold below this name. */
  readonly opaque: boolean;
  /** Symbolic links: where to. */
  readonly target?: ByteString;
  /** Regular files: bytes. */
  readonly size: number;
  /** Regular files with at least one byte of data: index into `contents`. */
  readonly content?: number;
  /** The index of the first entry that is the same inode; metadata are those of that entry. */
  readonly hardlinkTo?: number;
}

/** What a regular file holds. */
export interface Content {
  /** Apparent size, holes included. */
  readonly size: number;
  /** Data extents, ascending, not touching, flattened: [offset, length, offset, length, …]. The rest are holes. */
  readonly extents: readonly number[];
  /** Its chunks: the extents' bytes, put together, cut every CHUNK_SIZE_BYTES. */
  readonly firstChunk: number;
  readonly chunkCount: number;
}

export interface Manifest {
  readonly entries: readonly Entry[];
  readonly contents: readonly Content[];
  /** SHA-256 of each chunk, 32 bytes each, in order of contents. */
  readonly digests: Buffer;
}

/** Bytes of data of a content (its holes left out): the bytes that travel. */
export function dataSize(content: Content): number {
  let bytes = 0;
  for (let i = 1; i < content.extents.length; i += 2) bytes += content.extents[i] as number;
  return bytes;
}

/** The top-level name that the node's layers need for themselves; a layer that holds it is refused. */
export const RESERVED_TOP_LEVEL_NAME = '.tees';
