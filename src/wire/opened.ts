/**
 * The files that a task opened while it started, as the launcher writes them down (native/launch/trace.h) and as they
 * travel to the login node, packed. A record, little-endian: u32 milliseconds, u16 length, the path.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { ByteString } from '../base/bytes.js';
import { fromBuffer, toBuffer } from '../base/bytes.js';
import { TRACE_MAX_BYTES, TRACE_PACKED_MAX_BYTES } from '../base/limits.js';

export interface OpenedFile {
  /** Inside the environment, from its root: `/usr/bin/env`. */
  readonly path: ByteString;
  /** Since the launch. */
  readonly atMs: number;
}

const HEADER_BYTES = 6;

/** Of a trace that was cut off, what is whole. */
export function parseOpened(bytes: Buffer): OpenedFile[] {
  const files: OpenedFile[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const start = at + HEADER_BYTES;
    const end = start + bytes.readUInt16LE(at + 4);
    if (end > bytes.length) break;
    files.push({ path: fromBuffer(bytes.subarray(start, end)), atMs: bytes.readUInt32LE(at) });
    at = end;
  }
  return files;
}

/** Of more than may travel, the first ones. */
export function packOpened(files: readonly OpenedFile[]): Buffer {
  const packed = deflateRawSync(Buffer.concat(files.map(record)));
  return packed.length <= TRACE_PACKED_MAX_BYTES ? packed : packOpened(files.slice(0, files.length / 2));
}

/** From a node that may be hostile: none when they are not packed as agreed. */
export function unpackOpened(packed: Buffer): OpenedFile[] {
  try {
    return parseOpened(inflateRawSync(packed, { maxOutputLength: TRACE_MAX_BYTES }));
  } catch {
    return [];
  }
}

function record({ path, atMs }: OpenedFile): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(Math.max(0, Math.round(atMs)));
  header.writeUInt16LE(path.length, 4);
  return Buffer.concat([header, toBuffer(path)]);
}
