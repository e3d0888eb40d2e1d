/**
 * A manifest as bytes: what travels to every node before anything else, in pieces that are deflated (pieces.ts).
 *
 *     magic 'TEES' | version | entries | contents | chunks | length of the columns   (u32 each, LE)
 *     columns: the contents' (content-columns.ts), then the entries' (entry-columns.ts)
 *     digests: 32 bytes each
 *
 * What can be derived is not written (sizes of files with a content, chunk ranges, metadata of hardlinks), so
 * that it cannot contradict. The decoder trusts nothing: every count is checked against what is left before
 * anything is allocated for it, and every refusal is a TeesError MANIFEST_INVALID.
 */
import { assert } from '../base/errors.js';
import {
  DIGEST_SIZE_BYTES,
  MANIFEST_DECODED_MAX_BYTES,
  MANIFEST_ENTRIES_MAX,
  MANIFEST_EXTENTS_MAX,
  MANIFEST_PATHS_MAX_BYTES,
} from '../base/limits.js';
import { ColumnReader, joinColumns } from './columns.js';
import { decodeContents, encodeContents } from './content-columns.js';
import { decodeEntries } from './decode-entries.js';
import { encodeEntries } from './entry-columns.js';
import type { Manifest } from './manifest.js';
import { invalid, tooLarge } from './rules.js';

const MAGIC = Buffer.from('TEES');
const FORMAT_VERSION = 2;
const HEADER_SIZE_BYTES = 24;

interface Header {
  readonly entries: number;
  readonly contents: number;
  readonly chunks: number;
  readonly columnsBytes: number;
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
  const header = Buffer.alloc(HEADER_SIZE_BYTES);
  MAGIC.copy(header);
  const chunks = digests.length / DIGEST_SIZE_BYTES;
  const fields = [FORMAT_VERSION, entries.length, contents.length, chunks, body.length];
  fields.forEach((field, i) => header.writeUInt32LE(field, 4 + 4 * i));
  const encoded = Buffer.concat([header, body, digests]);
  if (encoded.length > MANIFEST_DECODED_MAX_BYTES) throw tooLarge();
  return encoded;
}

/** @throws TeesError MANIFEST_INVALID, and nothing else, whatever the bytes are */
export function decodeManifest(bytes: Buffer): Manifest {
  const header = decodeHeader(bytes);
  const end = HEADER_SIZE_BYTES + header.columnsBytes;
  const body = new ColumnReader(bytes.subarray(HEADER_SIZE_BYTES, end));
  const contents = decodeContents(body, header.contents, header.chunks);
  const entries = decodeEntries(body, header.entries, contents);
  body.end();
  // A copy: the caller's buffer may be reused.
  const digests = Buffer.from(bytes.subarray(end));
  return { entries, contents, digests };
}

function decodeHeader(bytes: Buffer): Header {
  if (bytes.length < HEADER_SIZE_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) throw invalid('it is none');
  if (bytes.length > MANIFEST_DECODED_MAX_BYTES) throw invalid('it is too large');
  const field = (i: number): number => bytes.readUInt32LE(4 + 4 * i);
  if (field(0) !== FORMAT_VERSION) throw invalid(`its version is ${field(0)}, not ${FORMAT_VERSION}`);
  const header = {
    entries: field(1),
    contents: field(2),
    chunks: field(3),
    columnsBytes: field(4),
  };
  if (header.entries === 0 || header.entries > MANIFEST_ENTRIES_MAX)
    throw invalid('it has no or too many entries');
  if (header.contents > header.entries) throw invalid('it has more contents than entries');
  if (bytes.length !== HEADER_SIZE_BYTES + header.columnsBytes + header.chunks * DIGEST_SIZE_BYTES)
    throw invalid('its length is not what its header says');
  return header;
}
