/**
 * A manifest as bytes: what travels to every node before anything else.
 *
 *     magic 'TEES' | version | entries | contents | chunks | deflated length | inflated length   (u32 each, LE)
 *     deflated columns: the entries' (entry-columns.ts), then the contents' (content-columns.ts)
 *     digests: 32 bytes each, raw, because they do not compress
 *
 * What can be derived is not written (sizes of files with a content, chunk ranges, metadata of hardlinks), so
 * that it cannot contradict. The decoder trusts nothing: every count is checked against what is left before
 * anything is allocated for it, and every refusal is a TeesError MANIFEST_INVALID.
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { TeesError, assert } from '../base/errors.js';
import {
  DIGEST_SIZE_BYTES,
  MANIFEST_DECODED_MAX_BYTES,
  MANIFEST_ENCODED_MAX_BYTES,
  MANIFEST_ENTRIES_MAX,
  MANIFEST_EXTENTS_MAX,
  MANIFEST_PATHS_MAX_BYTES,
} from '../base/limits.js';
import { ColumnReader, joinColumns } from './columns.js';
import { decodeContents, encodeContents } from './content-columns.js';
import { decodeEntries } from './decode-entries.js';
import { encodeEntries } from './entry-columns.js';
import type { Manifest } from './manifest.js';
import { invalid } from './rules.js';

const MAGIC = Buffer.from('TEES');
const FORMAT_VERSION = 1;
const HEADER_SIZE_BYTES = 28;
/** Levels above cost several times the time for a few per cent (measured on /usr). */
const DEFLATE_LEVEL = 2;
/** What one byte of deflated data can become at most (zlib's documentation), and a little for tiny ones. */
const DEFLATE_RATIO_MAX = 1032;
const DEFLATE_SLACK_BYTES = 1024;
const INFLATE_STEP_BYTES = 1024 * 1024;

interface Header {
  readonly entries: number;
  readonly contents: number;
  readonly chunks: number;
  readonly deflatedBytes: number;
  readonly inflatedBytes: number;
}

/** @throws TeesError LAYER_TOO_LARGE for what the decoder would refuse */
export function encodeManifest(manifest: Manifest): Buffer {
  const { entries, contents, digests } = manifest;
  assert(digests.length % DIGEST_SIZE_BYTES === 0, 'digests are whole');
  const extents = contents.reduce((sum, content) => sum + content.extents.length / 2, 0);
  const pathsBytes = entries.reduce((sum, entry) => sum + entry.path.length, 0);
  if (entries.length > MANIFEST_ENTRIES_MAX || extents > MANIFEST_EXTENTS_MAX) throw tooLarge();
  if (pathsBytes > MANIFEST_PATHS_MAX_BYTES) throw tooLarge();
  const body = joinColumns([...encodeContents(contents), ...encodeEntries(entries)]);
  const deflated = deflateSync(body, { level: DEFLATE_LEVEL });
  const header = Buffer.alloc(HEADER_SIZE_BYTES);
  MAGIC.copy(header);
  const chunks = digests.length / DIGEST_SIZE_BYTES;
  const fields = [FORMAT_VERSION, entries.length, contents.length, chunks, deflated.length, body.length];
  fields.forEach((field, i) => header.writeUInt32LE(field, 4 + 4 * i));
  const encoded = Buffer.concat([header, deflated, digests]);
  if (encoded.length > MANIFEST_ENCODED_MAX_BYTES || body.length > MANIFEST_DECODED_MAX_BYTES)
    throw tooLarge();
  return encoded;
}

function tooLarge(): TeesError {
  return new TeesError(
    'LAYER_TOO_LARGE',
    'the layer has more names or pieces of files than one job can carry',
    {
      hint: 'Remove what the job does not need, or keep large data on shared storage.',
    },
  );
}

/** @throws TeesError MANIFEST_INVALID, and nothing else, whatever the bytes are */
export function decodeManifest(bytes: Buffer): Manifest {
  const header = decodeHeader(bytes);
  const body = new ColumnReader(inflate(bytes, header));
  const contents = decodeContents(body, header.contents, header.chunks);
  const entries = decodeEntries(body, header.entries, contents);
  body.end();
  // A copy: the caller's buffer may be reused.
  const digests = Buffer.from(bytes.subarray(HEADER_SIZE_BYTES + header.deflatedBytes));
  return { entries, contents, digests };
}

function decodeHeader(bytes: Buffer): Header {
  if (bytes.length < HEADER_SIZE_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) throw invalid('it is none');
  if (bytes.length > MANIFEST_ENCODED_MAX_BYTES) throw invalid('it is too large');
  const field = (i: number): number => bytes.readUInt32LE(4 + 4 * i);
  if (field(0) !== FORMAT_VERSION) throw invalid(`its version is ${field(0)}, not ${FORMAT_VERSION}`);
  const header = {
    entries: field(1),
    contents: field(2),
    chunks: field(3),
    deflatedBytes: field(4),
    inflatedBytes: field(5),
  };
  if (header.entries === 0 || header.entries > MANIFEST_ENTRIES_MAX)
    throw invalid('it has no or too many entries');
  if (header.contents > header.entries) throw invalid('it has more contents than entries');
  if (bytes.length !== HEADER_SIZE_BYTES + header.deflatedBytes + header.chunks * DIGEST_SIZE_BYTES)
    throw invalid('its length is not what its header says');
  const inflatedMax = header.deflatedBytes * DEFLATE_RATIO_MAX + DEFLATE_SLACK_BYTES;
  if (header.inflatedBytes > Math.min(inflatedMax, MANIFEST_DECODED_MAX_BYTES))
    throw invalid('it would be too large');
  return header;
}

function inflate(bytes: Buffer, { deflatedBytes, inflatedBytes }: Header): Buffer {
  const deflated = bytes.subarray(HEADER_SIZE_BYTES, HEADER_SIZE_BYTES + deflatedBytes);
  let body: Buffer;
  try {
    // Grows by steps up to the limit: a false length in the header allocates nothing.
    body = inflateSync(deflated, {
      maxOutputLength: Math.max(inflatedBytes, 1),
      chunkSize: Math.min(Math.max(inflatedBytes, 64), INFLATE_STEP_BYTES),
    });
  } catch (error) {
    throw new TeesError('MANIFEST_INVALID', "the layer's manifest is refused: its columns do not inflate", {
      cause: error,
      hint: 'It was damaged on its way: submit the job again.',
    });
  }
  if (body.length !== inflatedBytes) throw invalid('its columns are not as long as they should be');
  return body;
}
