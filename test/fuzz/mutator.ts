/**
 * Hostile frames, each made from a valid one: bits and lengths are changed, fields taken away, repeated, exchanged for
 * what no daemon would say; or it is valid, and comes at a wrong time. What comes follows from the seed alone. Pure.
 */
import { crc32 } from 'node:zlib';
import { encodeFrame } from '../../src/wire/frame.js';
import type { Header } from '../../src/wire/frame.js';

/** Valid frames. */
export interface Sample {
  readonly header: Header;
  readonly body?: Buffer;
}

export interface HostileFrame {
  readonly bytes: Buffer;
  /** It may be the beginning of a frame that does not end: then nobody can answer it. */
  readonly isCut: boolean;
  /** For who reads a failure. */
  readonly what: string;
}

type Value = unknown;
const PREFIX_BYTES = 16;
const DEEP = 200;

export class Mutator {
  constructor(
    private readonly random: () => number,
    private readonly samples: readonly Sample[],
  ) {}

  next(): HostileFrame {
    const { header, body } = this.#of(this.samples);
    const kind = this.#below(10);
    const name = String(header['t']);
    if (kind === 0) return whole(encodeFrame(header, body), `${name}, as it is`);
    if (kind === 1) return this.#flipped(encodeFrame(header, body), name);
    if (kind === 2) return this.#lengths(encodeFrame(header, body), name);
    if (kind === 3) return this.#truncated(encodeFrame(header, body), name);
    if (kind === 4) return this.#noise();
    if (kind === 5) return whole(encodeFrame(header, this.#body()), `${name}, with another body`);
    let changed: Record<string, Value> = { ...header };
    let what = name;
    for (let changes = 1 + this.#below(3); changes > 0; changes--)
      [changed, what] = this.#change(changed, what);
    try {
      return whole(encodeFrame(changed, body), what);
    } catch {
      // What cannot be encoded nobody can send.
      return whole(encodeFrame(header, body), `${name}, as it is`);
    }
  }

  #change(header: Record<string, Value>, what: string): [Record<string, Value>, string] {
    const keys = Object.keys(header);
    const key = this.#of(keys.length > 0 ? keys : ['t']);
    const changed = { ...header };
    switch (this.#below(5)) {
      case 0: {
        Reflect.deleteProperty(changed, key);
        return [changed, `${what}, without ${key}`];
      }
      case 1:
        changed['t'] = this.#of(this.samples).header['t'];
        return [changed, `${what}, called ${String(changed['t'])}`];
      case 2:
        for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
          Object.defineProperty(changed, name, {
            value: this.#value(),
            enumerable: true,
            configurable: true,
            writable: true,
          });
        return [changed, `${what}, with names of objects' own`];
      case 3: {
        const inner = changed[key];
        if (typeof inner !== 'object' || inner === null || Buffer.isBuffer(inner)) break;
        const parts = Object.keys(inner);
        const copy = (Array.isArray(inner) ? [...(inner as Value[])] : { ...inner }) as Record<string, Value>;
        copy[this.#of(parts.length > 0 ? parts : ['x'])] = this.#value();
        changed[key] = copy;
        return [changed, `${what}, something else in ${key}`];
      }
    }
    changed[key] = this.#value();
    return [changed, `${what}, another ${key}`];
  }

  #value(): Value {
    return this.#of<() => Value>([
      () => NaN,
      () => Infinity,
      () => -1,
      () => 2 ** 53,
      () => 2 ** 31,
      () => 0.5,
      () => 1e308,
      () => '',
      () => 'x'.repeat(1 + this.#below(100_000)),
      () => '../../etc',
      () => 'a\0b',
      () => null,
      () => true,
      () => [],
      () => Array.from({ length: this.#below(5000) }, (_, i) => i - 5),
      () => Buffer.alloc(this.#below(70_000), 7),
      () => ({}),
      () => new Date(0),
      () => this.#nested(),
      () => this.#of(this.samples).header,
      () => this.#below(1000),
    ])();
  }

  #nested(): Value {
    let value: Value = 1;
    for (let depth = this.#below(DEEP); depth > 0; depth--)
      value = this.#below(2) === 0 ? [value] : { c: value };
    return value;
  }

  #body(): Buffer {
    return Buffer.alloc(this.#below(3) === 0 ? this.#below(300_000) : this.#below(100), 3);
  }

  #flipped(bytes: Buffer, name: string): HostileFrame {
    for (let flips = 1 + this.#below(4); flips > 0; flips--) {
      const bit = this.#below(bytes.length * 8);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    }
    // With a right checksum it comes further.
    const mends = this.#below(2) === 0 && mend(bytes);
    // A length may have become longer than what follows.
    return { bytes, isCut: true, what: `${name}, bits flipped${mends ? ', checksum mended' : ''}` };
  }

  #lengths(bytes: Buffer, name: string): HostileFrame {
    const length = this.#of([
      0,
      1,
      4,
      5,
      2 ** 16,
      2 ** 20 + 1,
      2 ** 22 + 1,
      2 ** 31,
      2 ** 32 - 1,
      bytes.length - 15,
    ]);
    bytes.writeUInt32BE(length, this.#below(2) === 0 ? 4 : 8);
    if (this.#below(2) === 0) mend(bytes);
    return { bytes, isCut: true, what: `${name}, a length of ${length}` };
  }

  #truncated(bytes: Buffer, name: string): HostileFrame {
    const length = this.#below(bytes.length);
    return { bytes: bytes.subarray(0, length), isCut: true, what: `${name}, cut after ${length}` };
  }

  #noise(): HostileFrame {
    const bytes = Buffer.from(Array.from({ length: 1 + this.#below(200) }, () => this.#below(256)));
    return { bytes, isCut: true, what: 'noise' };
  }

  #below(count: number): number {
    return Math.floor(this.random() * count);
  }

  #of<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)] as Item;
  }
}

function whole(bytes: Buffer, what: string): HostileFrame {
  return { bytes, isCut: false, what };
}

/** @returns whether the header is all there */
function mend(bytes: Buffer): boolean {
  const header = bytes.readUInt32BE(4);
  if (PREFIX_BYTES + header > bytes.length) return false;
  bytes.writeUInt32BE(
    crc32(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + header), crc32(bytes.subarray(0, 12))),
    12,
  );
  return true;
}
