/**
 * Random access to a file that need not be trusted: every read is bounded by the caller and may come back short,
 * at the end of the file or because the file has gone.
 */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer } from '../base/bytes.js';

export interface ByteReader {
  /** At most `length` bytes from `offset`; fewer at the end of the file, none when it cannot be read. */
  read(offset: number, length: number): Buffer;
}

export function readerOf(bytes: Buffer): ByteReader {
  return { read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A string up to its NUL; undefined when there is none within `maxBytes`. */
export function readCString(reader: ByteReader, offset: number, maxBytes: number): ByteString | undefined {
  const pieces: Buffer[] = [];
  // Most strings are short: grow the window instead of reading the limit at once.
  for (let done = 0, window = 256; done < maxBytes; done += window, window *= 4) {
    const piece = reader.read(offset + done, Math.min(window, maxBytes - done));
    const end = piece.indexOf(0);
    if (end >= 0) return fromBuffer(Buffer.concat([...pieces, piece.subarray(0, end)]));
    if (piece.length < window) return undefined;
    pieces.push(piece);
  }
  return undefined;
}

/** The whole file; undefined when it is longer than `maxBytes`. */
export function readAll(reader: ByteReader, maxBytes: number): Buffer | undefined {
  const bytes = reader.read(0, maxBytes + 1);
  return bytes.length > maxBytes ? undefined : bytes;
}
