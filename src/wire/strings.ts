/**
 * What the keeper of environments and its clients say to each other (native/environment/message.h): a u32 of the bytes that
 * follow, little-endian, then strings, each ended by a NUL.
 */
import { TeesError } from '../base/errors.js';

const MESSAGE_MAX_BYTES = 4 * 2 ** 20;
const LENGTH_BYTES = 4;

export function encodeStrings(strings: readonly string[]): Buffer {
  const body = Buffer.concat(strings.map((text) => Buffer.from(`${text}\0`)));
  const head = Buffer.alloc(LENGTH_BYTES);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

/** Bytes in, messages out. */
export class StringsDecoder {
  #bytes: Buffer = Buffer.alloc(0);

  /** @param maxBytes of a message: what is held of one that is not whole yet */
  constructor(private readonly maxBytes = MESSAGE_MAX_BYTES) {}

  /** @throws TeesError MESSAGE_INVALID */
  push(bytes: Buffer): string[][] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const messages: string[][] = [];
    for (let message = this.#next(); message; message = this.#next()) messages.push(message);
    return messages;
  }

  #next(): string[] | undefined {
    if (this.#bytes.length < LENGTH_BYTES) return undefined;
    const size = this.#bytes.readUInt32LE();
    if (size === 0 || size > this.maxBytes)
      throw new TeesError('MESSAGE_INVALID', `a message of ${size} bytes was refused`);
    if (this.#bytes.length < LENGTH_BYTES + size) return undefined;
    const body = this.#bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + size);
    if (body.at(-1) !== 0) throw new TeesError('MESSAGE_INVALID', 'a message without an end was refused');
    this.#bytes = this.#bytes.subarray(LENGTH_BYTES + size);
    return body.subarray(0, -1).toString().split('\0');
  }
}
