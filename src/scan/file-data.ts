/** The data extents and chunk digests of one open file, with the memory of one chunk. */
import type { BigIntStats } from 'node:fs';
import { fstatSync, readSync } from 'node:fs';
import { native } from '../base/native.js';
import { CHUNK_SIZE_BYTES } from '../base/limits.js';
import { chunkDigest } from '../image/chunks.js';
import type { FileData } from './digest-cache.js';

/** Thrown when a file is no longer what it was when the scan met its name: the scan looks again. */
export class FileMoved extends Error {
  override readonly name = 'FileMoved';
}

const chunk = Buffer.alloc(CHUNK_SIZE_BYTES);

/**
 * @param expected the file as its name was met; the open file must be that, before and after
 * @param onBytes called after each chunk, with its length
 */
export function readFileData(fd: number, expected: BigIntStats, onBytes: (count: number) => void): FileData {
  requireSame(fd, expected);
  const size = Number(expected.size);
  const extents = native().dataExtents(fd, size);
  const digests: Buffer[] = [];
  let filled = 0;
  const flush = (): void => {
    digests.push(chunkDigest(chunk.subarray(0, filled)));
    onBytes(filled);
    filled = 0;
  };
  for (let i = 0; i < extents.length; i += 2) {
    let at = extents[i] as number;
    const end = at + (extents[i + 1] as number);
    while (at < end) {
      const count = readSync(fd, chunk, filled, Math.min(CHUNK_SIZE_BYTES - filled, end - at), at);
      if (count === 0) throw new FileMoved('the file became shorter');
      at += count;
      filled += count;
      if (filled === CHUNK_SIZE_BYTES) flush();
    }
  }
  if (filled > 0) flush();
  requireSame(fd, expected);
  return { size, extents, digests: Buffer.concat(digests) };
}

/** Inode, size and both times: whatever a write, a truncation or a rename over it changes. */
export function requireSame(fd: number, expected: BigIntStats): void {
  const now = fstatSync(fd, { bigint: true });
  const same =
    now.ino === expected.ino &&
    now.dev === expected.dev &&
    now.mode === expected.mode &&
    now.size === expected.size &&
    now.mtimeNs === expected.mtimeNs &&
    now.ctimeNs === expected.ctimeNs;
  if (!same) throw new FileMoved('the file changed');
}
