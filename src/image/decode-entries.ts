/** Entries from their columns: the other half of `entry-columns.ts`, for bytes that a stranger may have made. */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer } from '../base/bytes.js';
import { MANIFEST_PATHS_MAX_BYTES, PATH_MAX_BYTES } from '../base/limits.js';
import type { ColumnReader } from './columns.js';
import type { EntryColumn } from './entry-columns.js';
import {
  ENTRY_COLUMNS,
  KIND_CONTENT,
  KIND_HARDLINK,
  KIND_OPAQUE,
  KIND_TYPE_MASK,
  KIND_XATTRS,
  TYPE_CODES,
} from './entry-columns.js';
import type { Content, Entry, EntryType, Xattr } from './manifest.js';
import { LINKABLE_TYPES, PathRule, checkSize, checkTarget, checkTime, invalid } from './rules.js';
import type { Owner } from './tables.js';
import { readOwnerTable, readXattrTable } from './tables.js';

const NO_XATTRS: readonly Xattr[] = [];

export function decodeEntries(body: ColumnReader, count: number, contents: readonly Content[]): Entry[] {
  return new EntryDecoder(body, contents).decode(count);
}

class EntryDecoder {
  readonly #owners: Owner[];
  readonly #xattrs: Xattr[][];
  readonly #columns: Record<EntryColumn, ColumnReader>;
  readonly #entries: Entry[] = [];
  readonly #rule = new PathRule();
  /** The bytes of the path before; each path overwrites what it does not share. */
  readonly #path = Buffer.alloc(PATH_MAX_BYTES);
  #pathLength = 0;
  #previousSeconds = 0;
  #nextContent = 0;
  readonly #named: Uint8Array;

  constructor(
    body: ColumnReader,
    private readonly contents: readonly Content[],
  ) {
    const tableCounts = body.column();
    this.#owners = readOwnerTable(tableCounts, body.column());
    this.#xattrs = readXattrTable(tableCounts, body.column());
    tableCounts.end();
    const columns = ENTRY_COLUMNS.map((name) => [name, body.column()]);
    this.#columns = Object.fromEntries(columns) as Record<EntryColumn, ColumnReader>;
    this.#named = new Uint8Array(contents.length);
  }

  decode(count: number): Entry[] {
    if (this.#columns.kinds.remaining !== count) throw invalid('it has not as many entries as it says');
    // Before any path is made: what a thousand entries share costs two bytes each here, and kilobytes each there.
    if (this.#columns.shared.sum() + this.#columns.restLengths.sum() > MANIFEST_PATHS_MAX_BYTES)
      throw invalid('its paths are too long, all together');
    for (let index = 0; index < count; index++) this.#entries.push(this.#entry(index));
    for (const name of ENTRY_COLUMNS) this.#columns[name].end();
    if (this.#named.includes(0)) throw invalid('a content belongs to no file');
    return this.#entries;
  }

  #entry(index: number): Entry {
    const kind = this.#columns.kinds.byte();
    const type = TYPE_CODES[kind & KIND_TYPE_MASK];
    const path = this.#nextPath();
    if (type === undefined) throw invalid('an entry is of no known type', path);
    this.#rule.admit(path, type);
    checkKind(kind, type, path);
    if (kind & KIND_HARDLINK) return this.#hardlink(path, type, index);
    const owner = this.#row(this.#owners, this.#columns.owners.varint(), path);
    const mtimeSeconds = this.#previousSeconds + this.#columns.seconds.signed();
    this.#previousSeconds = mtimeSeconds;
    const mtimeNanoseconds = this.#columns.nanoseconds.varint();
    checkTime(mtimeSeconds, mtimeNanoseconds, path);
    const xattrs =
      kind & KIND_XATTRS ? this.#row(this.#xattrs, this.#columns.xattrs.varint(), path) : NO_XATTRS;
    const entry = {
      path,
      type,
      mode: owner.mode,
      uid: owner.uid,
      gid: owner.gid,
      mtimeSeconds,
      mtimeNanoseconds,
      xattrs,
      opaque: (kind & KIND_OPAQUE) !== 0,
      size: 0,
    };
    if (type === 'symlink') return { ...entry, target: this.#target(path) };
    if (type !== 'file') return entry;
    if (kind & KIND_CONTENT) {
      const content = this.#content(path);
      return { ...entry, size: (this.contents[content] as Content).size, content };
    }
    entry.size = this.#columns.sizes.varint();
    checkSize(entry.size, path);
    return entry;
  }

  #nextPath(): ByteString {
    const shared = this.#columns.shared.varint();
    const length = this.#columns.restLengths.varint();
    if (shared > this.#pathLength || shared + length > PATH_MAX_BYTES) throw invalid('a path is too long');
    this.#columns.rests.bytes(length).copy(this.#path, shared);
    this.#pathLength = shared + length;
    return fromBuffer(this.#path.subarray(0, this.#pathLength));
  }

  #hardlink(path: ByteString, type: EntryType, index: number): Entry {
    const hardlinkTo = index - this.#columns.links.varint();
    const first = hardlinkTo === index ? undefined : this.#entries[hardlinkTo];
    if (!first || first.type !== type || first.hardlinkTo !== undefined || !LINKABLE_TYPES.has(type))
      throw invalid('a hardlink does not point to an earlier file', path);
    return { ...first, path, hardlinkTo };
  }

  #row<Row>(table: readonly Row[], row: number, path: ByteString): Row {
    const found = table[row];
    if (found === undefined) throw invalid('an entry refers to a table row that is not there', path);
    return found;
  }

  #target(path: ByteString): ByteString {
    const target = fromBuffer(this.#columns.targets.bytes(this.#columns.targetLengths.varint()));
    checkTarget(target, path);
    return target;
  }

  #content(path: ByteString): number {
    const content = this.#nextContent + this.#columns.contents.signed();
    if (!(content >= 0 && content < this.contents.length)) throw invalid('a file has no such content', path);
    this.#nextContent = Math.max(this.#nextContent, content + 1);
    this.#named[content] = 1;
    return content;
  }
}

function checkKind(kind: number, type: EntryType, path: ByteString): void {
  const allowed =
    (type === 'directory' ? KIND_OPAQUE : 0) |
    (type === 'file' ? KIND_CONTENT : 0) |
    (type === 'whiteout' ? 0 : KIND_XATTRS);
  const flags = kind & ~KIND_TYPE_MASK;
  // A hardlink has everything from the entry it points to.
  if (flags & KIND_HARDLINK ? flags !== KIND_HARDLINK : flags & ~allowed)
    throw invalid(`a ${type} has marks that it cannot have`, path);
}
