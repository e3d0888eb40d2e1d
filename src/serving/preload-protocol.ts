/** What the preload hook's library asks and is answered: hooks/preload/protocol.h says what each byte means. */
import { UNCOVERED_REASONS } from '../planning/uncovered.js';
import type { UncoveredReason } from '../planning/uncovered.js';

const REQUEST_MAGIC = 0x31515054; // "TPQ1"
const REPLY_MAGIC = 0x31415054; // "TPA1"
export const REQUEST_BYTES = 16;
export const REPLY_BYTES = 8;

const KINDS = { 1: 'file', 2: 'all' } as const;

const REASONS = new Map(Object.entries(UNCOVERED_REASONS).map(([name, code]) => [code, name]));

export const ANSWERS = { here: 0, arrived: 1, failed: 2, unknown: 3, refused: 4 } as const;
export type Answer = keyof typeof ANSWERS;

export interface PreloadRequest {
  readonly kind: 'file' | 'all';
  /** With `all`. */
  readonly reason?: UncoveredReason;
  /** Of the process that asks. */
  readonly descriptor: number;
}

/** @returns undefined when these are not exactly a request */
export function decodeRequest(bytes: Buffer): PreloadRequest | undefined {
  if (bytes.length !== REQUEST_BYTES || bytes.readUInt32LE(0) !== REQUEST_MAGIC) return undefined;
  const kind = (KINDS as Record<number, PreloadRequest['kind']>)[bytes.readUInt8(4)];
  const reasonCode = bytes.readUInt8(5);
  const reason = (REASONS as Map<number, string>).get(reasonCode) as UncoveredReason | undefined;
  const descriptor = bytes.readInt32LE(8);
  if (kind === undefined || descriptor < 0) return undefined;
  if (bytes.readUInt16LE(6) !== 0 || bytes.readUInt32LE(12) !== 0) return undefined;
  // A file needs no reason, and everything needs one.
  if ((kind === 'all') !== (reason !== undefined)) return undefined;
  if (kind === 'file' && reasonCode !== 0) return undefined;
  return { kind, descriptor, ...(reason === undefined ? {} : { reason }) };
}

export function encodeReply(answer: Answer): Buffer {
  const bytes = Buffer.alloc(REPLY_BYTES);
  bytes.writeUInt32LE(REPLY_MAGIC, 0);
  bytes.writeUInt8(ANSWERS[answer], 4);
  return bytes;
}
