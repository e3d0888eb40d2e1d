/** A buffer that grows, little-endian: what the programs for the native side are written with. */
import { assert } from '../base/errors.js';

const INITIAL_BYTES = 4096;
const U16_MAX = 0xffff;
const U32_MAX = 0xffffffff;

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32LE(value, at);
    return this;
  }

  /** A whole number of up to 53 bits, also negative, as 64 bits in two's complement. */
  i64(value: number): this {
    assert(Number.isSafeInteger(value), `${value} fits a safe integer`);
    const at = this.#reserve(8);
    const high = Math.floor(value / 2 ** 32);
    this.#bytes.writeUInt32LE(value - high * 2 ** 32, at);
    this.#bytes.writeInt32LE(high, at + 4);
    return this;
  }

  /** A latin1 string behind its 16-bit length. */
  name(value: string): this {
    assert(value.length <= U16_MAX, 'a name fits its length field');
    this.u16(value.length);
    const at = this.#reserve(value.length);
    this.#bytes.write(value, at, 'latin1');
    return this;
  }

  /** Bytes behind their 32-bit length. */
  blob(value: Uint8Array): this {
    assert(value.length <= U32_MAX, 'a blob fits its length field');
    this.u32(value.length);
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
