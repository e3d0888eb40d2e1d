/**
 * Frames: how everything travels between daemons, and between a command and its daemon.
 *
 *   magic  'TEES'      4 bytes
 *   header length      4 bytes, big endian
 *   body length        4 bytes, big endian
 *   CRC-32             4 bytes, over the 12 bytes above and the header
 *   header             BSON document
 *   body               raw bytes: a chunk, output, nothing
 *
 * The CRC finds a damaged header before anything acts on it; bodies that matter are verified by digest.
 * The decoder checks lengths before it allocates, and never holds more than one frame and one read.
 */
import { crc32 } from 'node:zlib';
import { deserialize, serialize } from 'bson';
import { TeesError } from '../base/errors.js';
import { chunkBuffers } from './buffer-pool.js';
import { FRAME_BODY_MAX_BYTES, FRAME_HEADER_MAX_BYTES } from '../base/limits.js';

const MAGIC = 0x54454553;
const PREFIX_BYTES = 16;
const EMPTY = Buffer.alloc(0);

export type Header = Readonly<Record<string, unknown>>;

export interface Frame {
  readonly header: Header;
  readonly body: Buffer;
}

export interface FrameLimits {
  readonly headerMaxBytes: number;
  readonly bodyMaxBytes: number;
}

const DEFAULT_LIMITS: FrameLimits = {
  headerMaxBytes: FRAME_HEADER_MAX_BYTES,
  bodyMaxBytes: FRAME_BODY_MAX_BYTES,
};

/** The frame's prefix and header; the body follows it as it is, so that a chunk is never copied. */
export function encodeHead(header: Header, bodyBytes: number): Buffer {
  const encoded = serialize(header, { ignoreUndefined: true });
  if (encoded.length > FRAME_HEADER_MAX_BYTES || bodyBytes > FRAME_BODY_MAX_BYTES) {
    throw new TeesError(
      'FRAME_TOO_LARGE',
      `a frame of ${encoded.length} + ${bodyBytes} bytes exceeds the limit`,
    );
  }
  const head = Buffer.allocUnsafe(PREFIX_BYTES + encoded.length);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt32BE(encoded.length, 4);
  head.writeUInt32BE(bodyBytes, 8);
  head.set(encoded, PREFIX_BYTES);
  head.writeUInt32BE(headSum(head), 12);
  return head;
}

export function encodeFrame(header: Header, body: Uint8Array = EMPTY): Buffer {
  return Buffer.concat([encodeHead(header, body.length), body]);
}

function headSum(head: Buffer): number {
  return crc32(head.subarray(PREFIX_BYTES), crc32(head.subarray(0, 12)));
}

/** Bytes in, frames out. Throws FRAME_INVALID, after which the connection is of no more use. */
export class FrameDecoder {
  /** What is being collected: the prefix, then prefix and header, then the body. */
  #buffer: Buffer = Buffer.allocUnsafe(PREFIX_BYTES);
  #filled = 0;
  #stage: 'prefix' | 'head' | 'body' = 'prefix';
  #header: Header = {};
  #bodyBytes = 0;

  constructor(private limits: FrameLimits = DEFAULT_LIMITS) {}

  setLimits(limits: FrameLimits = DEFAULT_LIMITS): void {
    this.limits = limits;
  }

  *push(bytes: Uint8Array): Generator<Frame, void, undefined> {
    let offset = 0;
    while (offset < bytes.length) {
      const take = Math.min(this.#buffer.length - this.#filled, bytes.length - offset);
      this.#buffer.set(bytes.subarray(offset, offset + take), this.#filled);
      this.#filled += take;
      offset += take;
      if (this.#filled < this.#buffer.length) return;
      const frame = this.#advance();
      if (frame) yield frame;
    }
  }

  /** Whether a frame has begun and not ended: the connection was cut within it. */
  get inFrame(): boolean {
    return this.#stage !== 'prefix' || this.#filled > 0;
  }

  #advance(): Frame | undefined {
    if (this.#stage === 'prefix') {
      this.#expectHead();
      return undefined;
    }
    if (this.#stage === 'head') {
      this.#readHead();
      if (this.#bodyBytes > 0) {
        this.#expect('body', chunkBuffers.take(this.#bodyBytes), 0);
        return undefined;
      }
      return this.#finish(EMPTY);
    }
    return this.#finish(this.#buffer);
  }

  #expectHead(): void {
    const magic = this.#buffer.readUInt32BE(0);
    const headerBytes = this.#buffer.readUInt32BE(4);
    this.#bodyBytes = this.#buffer.readUInt32BE(8);
    if (magic !== MAGIC) throw invalid('it does not start with the magic bytes');
    if (headerBytes < 5 || headerBytes > this.limits.headerMaxBytes) {
      throw invalid(`a header of ${headerBytes} bytes is outside the limits`);
    }
    if (this.#bodyBytes > this.limits.bodyMaxBytes) {
      throw invalid(`a body of ${this.#bodyBytes} bytes exceeds the limit of ${this.limits.bodyMaxBytes}`);
    }
    const head = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes);
    head.set(this.#buffer, 0);
    this.#expect('head', head, PREFIX_BYTES);
  }

  #readHead(): void {
    if (headSum(this.#buffer) !== this.#buffer.readUInt32BE(12)) throw invalid('its checksum is wrong');
    try {
      this.#header = deserialize(this.#buffer.subarray(PREFIX_BYTES), { promoteBuffers: true });
    } catch (error) {
      throw invalid('its header is not BSON', error);
    }
  }

  #finish(body: Buffer): Frame {
    const frame = { header: this.#header, body };
    this.#header = {};
    this.#expect('prefix', Buffer.allocUnsafe(PREFIX_BYTES), 0);
    return frame;
  }

  #expect(stage: 'prefix' | 'head' | 'body', buffer: Buffer, filled: number): void {
    this.#stage = stage;
    this.#buffer = buffer;
    this.#filled = filled;
  }
}

function invalid(why: string, cause?: unknown): TeesError {
  return new TeesError('FRAME_INVALID', `a frame was refused: ${why}`, { cause });
}
