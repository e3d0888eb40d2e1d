/**
 * What makes a scan incremental: the digests of files that have not changed since an earlier scan, by inode,
 * change time and size. The change time cannot be set by a program, but its clock ticks coarsely: a file
 * changed in the same tick in which it was hashed would look unchanged, so such entries are not kept.
 *
 *     magic | SHA-256 of the rest | count | for each: inode, change time, size, extents, digests
 */
import type { BigIntStats } from 'node:fs';
import { readFileSync } from 'node:fs';
import { fromBuffer } from '../base/bytes.js';
import { DIGEST_SIZE_BYTES } from '../base/limits.js';
import { chunkDigest } from '../image/chunks.js';
import { ColumnReader, ColumnWriter } from '../image/columns.js';

/** The data of a regular file: what a manifest's content is made of. */
export interface FileData {
  readonly size: number;
  /** Flat, as in a manifest's content; empty for a file that is one hole. */
  readonly extents: readonly number[];
  readonly digests: Buffer;
}

interface Row {
  readonly ctimeNs: bigint;
  readonly data: FileData;
}

const MAGIC = Buffer.from('TEESDC01');
const SECOND_NS = 1_000_000_000n;
/** The kernel stamps files by its tick, 10 ms at the coarsest. */
const TICK_WINDOW_NS = 50_000_000n;
/** File systems that store whole seconds show it: no fraction. */
const SECOND_WINDOW_NS = 2n * SECOND_NS;

export function inodeKey({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

export class DigestCache {
  readonly #known: Map<string, Row>;
  readonly #current = new Map<string, Row>();
  #added = 0;

  private constructor(known: Map<string, Row>) {
    this.#known = known;
  }

  /** A missing or damaged file is an empty cache. */
  static load(file: string | undefined): DigestCache {
    if (file === undefined) return new DigestCache(new Map());
    try {
      return new DigestCache(decode(readFileSync(file)));
    } catch {
      return new DigestCache(new Map());
    }
  }

  find(stat: BigIntStats): FileData | undefined {
    const key = inodeKey(stat);
    const row = this.#current.get(key) ?? this.#known.get(key);
    if (row?.ctimeNs !== stat.ctimeNs || BigInt(row.data.size) !== stat.size) return undefined;
    this.#current.set(key, row);
    return row.data;
  }

  add(stat: BigIntStats, data: FileData): void {
    this.#current.set(inodeKey(stat), { ctimeNs: stat.ctimeNs, data });
    this.#added++;
  }

  /**
   * The file for the next scan, with what this scan saw and nothing else; undefined when it would be the same.
   * @param startedNs when the scan began, by the clock that stamps files
   */
  encode(startedNs: bigint): Buffer | undefined {
    if (this.#added === 0 && this.#current.size === this.#known.size) return undefined;
    const settled = [...this.#current].filter(([, row]) => hasSettled(row.ctimeNs, startedNs));
    const body = new ColumnWriter();
    body.varint(settled.length);
    for (const [key, { ctimeNs, data }] of settled) {
      body.varint(key.length);
      body.latin1(key);
      body.varint(Number(ctimeNs / SECOND_NS));
      body.varint(Number(ctimeNs % SECOND_NS));
      body.varint(data.size);
      body.varint(data.extents.length);
      for (const number of data.extents) body.varint(number);
      body.varint(data.digests.length / DIGEST_SIZE_BYTES);
      body.bytes(data.digests);
    }
    return Buffer.concat([MAGIC, chunkDigest(body.written()), body.written()]);
  }
}

function hasSettled(ctimeNs: bigint, startedNs: bigint): boolean {
  if (ctimeNs < 0n) return false;
  const window = ctimeNs % SECOND_NS === 0n ? SECOND_WINDOW_NS : TICK_WINDOW_NS;
  return ctimeNs + window < startedNs;
}

function decode(bytes: Buffer): Map<string, Row> {
  const bodyAt = MAGIC.length + DIGEST_SIZE_BYTES;
  const body = bytes.subarray(bodyAt);
  const whole =
    bytes.subarray(0, MAGIC.length).equals(MAGIC) &&
    bytes.subarray(MAGIC.length, bodyAt).equals(chunkDigest(body));
  const rows = new Map<string, Row>();
  if (!whole) return rows;
  const reader = new ColumnReader(body);
  const count = reader.varint();
  for (let i = 0; i < count; i++) {
    const key = fromBuffer(reader.bytes(reader.varint()));
    const ctimeNs = BigInt(reader.varint()) * SECOND_NS + BigInt(reader.varint());
    const size = reader.varint();
    const extents = Array.from({ length: reader.varint() }, () => reader.varint());
    const digests = reader.bytes(reader.varint() * DIGEST_SIZE_BYTES);
    rows.set(key, { ctimeNs, data: { size, extents, digests } });
  }
  return rows;
}
