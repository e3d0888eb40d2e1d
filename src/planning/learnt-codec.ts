/**
 * A record of what a command has read, as bytes: in a file of the login node, and in the answer to its user.
 *
 *     magic | SHA-256 of the rest | runs | files | time | count | for each: run, at, length, path
 *
 * Numbers are varints, times are in tenths of a millisecond.
 */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import {
  DIGEST_SIZE_BYTES,
  LEARNT_PATHS_MAX,
  LEARNT_RECORD_MAX_BYTES,
  PATH_MAX_BYTES,
} from '../base/limits.js';
import { chunkDigest } from '../image/chunks.js';
import { ColumnReader, ColumnWriter } from '../image/columns.js';
import type { LearntPath, LearntRecord } from './learning.js';

const MAGIC = Buffer.from('TEESLR02');
const BODY_AT = MAGIC.length + DIGEST_SIZE_BYTES;
/** Three numbers and a character. */
const PATH_LEAST_BYTES = 4;

export function encodeLearnt({ runs, last, paths }: LearntRecord): Buffer {
  const body = new ColumnWriter();
  body.varint(runs);
  body.varint(last.files);
  body.varint(tenths(last.seconds * 1000));
  body.varint(paths.length);
  for (const { run, atMs, path } of paths) {
    body.varint(run);
    body.varint(tenths(atMs));
    body.varint(path.length);
    body.latin1(path);
  }
  return Buffer.concat([MAGIC, chunkDigest(body.written()), body.written()]);
}

/**
 * Believes nothing: what comes out holds the limits, and its paths could stand in a manifest.
 * @throws TeesError LEARNT_INVALID
 */
export function decodeLearnt(bytes: Buffer): LearntRecord {
  if (bytes.length > LEARNT_RECORD_MAX_BYTES) throw invalid('it is too large');
  const body = bytes.subarray(BODY_AT);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw invalid('it is none');
  if (!bytes.subarray(MAGIC.length, BODY_AT).equals(chunkDigest(body))) throw invalid('it is damaged');
  try {
    return decodeBody(new ColumnReader(body));
  } catch (cause) {
    throw invalid('what it says cannot be true', cause);
  }
}

function decodeBody(reader: ColumnReader): LearntRecord {
  const runs = reader.varint();
  const last = { files: reader.varint(), seconds: reader.varint() / 10_000 };
  const count = reader.count(reader, PATH_LEAST_BYTES, LEARNT_PATHS_MAX);
  const seen = new Set<ByteString>();
  const paths = Array.from({ length: count }, (): LearntPath => {
    const [run, atMs] = [reader.varint(), reader.varint() / 10];
    const path = fromBuffer(reader.bytes(reader.varint()));
    if (run < 1 || run > runs) throw new Error('a path was learnt in a run that has not been');
    if (!isRelativePath(path) || seen.has(path)) throw new Error('a path is malformed or stands twice');
    seen.add(path);
    return { run, atMs, path };
  });
  reader.end();
  return { runs, last, paths };
}

function isRelativePath(path: ByteString): boolean {
  if (path === '' || path.length > PATH_MAX_BYTES || path.includes('\0')) return false;
  return path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

function tenths(milliseconds: number): number {
  return Math.max(0, Math.round(milliseconds * 10));
}

function invalid(why: string, cause?: unknown): TeesError {
  return new TeesError('LEARNT_INVALID', `a record of what a command has read was refused: ${why}`, {
    cause,
  });
}
