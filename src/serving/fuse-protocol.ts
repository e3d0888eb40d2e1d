/**
 * What the daemon and the serving process say to each other, in bytes: native/serve/protocol.h and setup.h tell what
 * it means. Pure.
 */
import { TeesError } from '../base/errors.js';

export const PROTOCOL_VERSION = 1;
export const RECORD_BYTES = 16;
const SETUP_MAGIC = 0x3156_5354; // "TSV1"
const SETUP_NO_PASSTHROUGH = 1;
const SETUP_KEEP_ERRORS = 2;
const SETUP_HEAD_BYTES = 12;
const FLAG_SHIFT = 32n;

/** In both directions; RECORD_… in protocol.h. */
export const KINDS = {
  hello: 1,
  blocked: 2,
  unblocked: 3,
  counter: 4,
  done: 5,
  process: 6,
  arrived: 16,
  fail: 17,
  resume: 18,
  stop: 19,
  count: 20,
} as const;
export type Kind = keyof typeof KINDS;

/** `enum counter` of native/serve/state.h. */
export const COUNTERS = ['lookups', 'opens', 'blockedOpens', 'reads', 'bytesRead', 'waiting'] as const;
export type Counter = (typeof COUNTERS)[number];

export interface ServeRecord {
  readonly kind: Kind;
  readonly content: number;
  readonly value: bigint;
}

export interface Hello {
  readonly version: number;
  readonly contentCount: number;
  readonly passthrough: boolean;
  /** Whether the kernel sends again what a killed server had not answered. */
  readonly resend: boolean;
  readonly failing: boolean;
}

const NAMES = new Map<number, Kind>(Object.entries(KINDS).map(([name, kind]) => [kind, name as Kind]));

export function encodeRecord(kind: Kind, content = 0, value = 0n): Buffer {
  const bytes = Buffer.alloc(RECORD_BYTES);
  bytes.writeUInt32LE(KINDS[kind], 0);
  bytes.writeUInt32LE(content, 4);
  bytes.writeBigUInt64LE(value, 8);
  return bytes;
}

/** Bytes as they come, to whole records. */
export class RecordReader {
  #rest = Buffer.alloc(0);

  /** @throws TeesError HOOK_FAILED for a kind that there is not */
  push(bytes: Buffer): ServeRecord[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const records: ServeRecord[] = [];
    let at = 0;
    for (; at + RECORD_BYTES <= all.length; at += RECORD_BYTES) {
      const kind = NAMES.get(all.readUInt32LE(at));
      if (!kind) throw new TeesError('HOOK_FAILED', `the serving process has said ${all.readUInt32LE(at)}`);
      records.push({ kind, content: all.readUInt32LE(at + 4), value: all.readBigUInt64LE(at + 8) });
    }
    this.#rest = Buffer.from(all.subarray(at));
    return records;
  }
}

export function decodeHello({ content, value }: ServeRecord): Hello {
  const flags = value >> FLAG_SHIFT;
  return {
    version: content,
    contentCount: Number(value & 0xffff_ffffn),
    passthrough: (flags & 1n) !== 0n,
    resend: (flags & 2n) !== 0n,
    failing: (flags & 4n) !== 0n,
  };
}

/** What a serving process reads from its standard input. */
export function encodeSetup(
  contentCount: number,
  sizeOf: (content: number) => number,
  { passthrough, keepErrors }: { passthrough: boolean; keepErrors: boolean },
): Buffer {
  const bytes = Buffer.alloc(SETUP_HEAD_BYTES + 8 * contentCount);
  bytes.writeUInt32LE(SETUP_MAGIC, 0);
  bytes.writeUInt32LE((passthrough ? 0 : SETUP_NO_PASSTHROUGH) | (keepErrors ? SETUP_KEEP_ERRORS : 0), 4);
  bytes.writeUInt32LE(contentCount, 8);
  for (let content = 0; content < contentCount; content++)
    bytes.writeBigUInt64LE(BigInt(sizeOf(content)), SETUP_HEAD_BYTES + 8 * content);
  return bytes;
}
