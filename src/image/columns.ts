/**
 * The manifest is encoded by columns: all types, then all path lengths, and so on, because like stands beside
 * like and compresses well. A column is a run of bytes and LEB128 varints with its length before it.
 * Writing is ours and trusted; reading is from a stranger, so every step is checked against what is left.
 */
import { assert } from '../base/errors.js';
import { invalid } from './rules.js';

/** Seven bits a byte: eight bytes hold every safe integer. */
const VARINT_MAX_BYTES = 8;

export class ColumnWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `a varint is a natural number, not ${value}`);
    this.#reserve(VARINT_MAX_BYTES);
    let rest = value;
    // Bitwise operators are faster, and right only below 2^31.
    while (rest > 0x7fffffff) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Small negative numbers become small: 0, -1, 1, -2, … */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** The characters of a ByteString from `start` on. */
  latin1(text: string, start = 0): void {
    const length = text.length - start;
    this.#reserve(length);
    this.#bytes.write(start === 0 ? text : text.slice(start), this.#length, 'latin1');
    this.#length += length;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** A view, valid until the next write. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** Puts columns together, each behind its length. */
export function joinColumns(columns: readonly ColumnWriter[]): Buffer {
  const parts = columns.flatMap((column) => {
    const length = new ColumnWriter(VARINT_MAX_BYTES);
    length.varint(column.written().length);
    return [length.written(), column.written()];
  });
  return Buffer.concat(parts);
}

export class ColumnReader {
  #at = 0;

  constructor(private readonly source: Buffer) {}

  get remaining(): number {
    return this.source.length - this.#at;
  }

  byte(): number {
    const value = this.source[this.#at];
    if (value === undefined) throw invalid('a column ends early');
    this.#at++;
    return value;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_MAX_BYTES; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw invalid('a number is too large');
  }

  /** All its numbers together; none is read away. */
  sum(): number {
    const copy = new ColumnReader(this.source.subarray(this.#at));
    let total = 0;
    while (copy.remaining > 0) total += copy.varint();
    return total;
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Buffer {
    if (length > this.remaining) throw invalid('a column ends early');
    this.#at += length;
    return this.source.subarray(this.#at - length, this.#at);
  }

  /** A count of things that take at least `leastBytes` each in `column`: nothing is allocated for more. */
  count(column: ColumnReader, leastBytes: number, limit = Number.MAX_SAFE_INTEGER): number {
    const count = this.varint();
    if (count > limit || count * leastBytes > column.remaining)
      throw invalid(`a count of ${count} cannot be true`);
    return count;
  }

  /** The next column, behind its length. */
  column(): ColumnReader {
    return new ColumnReader(this.bytes(this.varint()));
  }

  end(): void {
    if (this.remaining > 0) throw invalid(`a column has ${this.remaining} bytes too many`);
  }
}
