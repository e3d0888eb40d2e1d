/**
 * Entries as columns: which columns there are, and how entries are written into them.
 * Paths are front-coded (how much is shared with the path before, and the rest), times are differences,
 * contents are differences to the next one not yet named. A hardlink says only where it points.
 */
import { assert } from '../base/errors.js';
import { ColumnWriter } from './columns.js';
import type { Entry, EntryType } from './manifest.js';
import { OwnerTableWriter, XattrTableWriter } from './tables.js';

/** The low three bits of an entry's kind, in the order of their codes: never change an existing one. */
export const TYPE_CODES: readonly EntryType[] = [
  'directory',
  'file',
  'symlink',
  'fifo',
  'socket',
  'whiteout',
];
const CODE_OF_TYPE = new Map(TYPE_CODES.map((type, code) => [type, code]));
export const KIND_TYPE_MASK = 0x07;
export const KIND_OPAQUE = 0x08;
export const KIND_HARDLINK = 0x10;
export const KIND_CONTENT = 0x20;
export const KIND_XATTRS = 0x40;

/** In the order in which they stand in the encoding. */
export const ENTRY_COLUMNS = [
  'kinds',
  'shared',
  'restLengths',
  'rests',
  'links',
  'owners',
  'seconds',
  'nanoseconds',
  'xattrs',
  'targetLengths',
  'targets',
  'sizes',
  'contents',
] as const;
export type EntryColumn = (typeof ENTRY_COLUMNS)[number];

export function encodeEntries(entries: readonly Entry[]): ColumnWriter[] {
  return new EntryEncoder().encode(entries);
}

class EntryEncoder {
  readonly #columns = Object.fromEntries(
    ENTRY_COLUMNS.map((name) => [name, new ColumnWriter()]),
  ) as unknown as Record<EntryColumn, ColumnWriter>;
  readonly #tableCounts = new ColumnWriter();
  readonly #owners = new OwnerTableWriter(this.#tableCounts);
  readonly #xattrs = new XattrTableWriter(this.#tableCounts);
  #previousPath = '';
  #previousSeconds = 0;
  #nextContent = 0;

  encode(entries: readonly Entry[]): ColumnWriter[] {
    entries.forEach((entry, index) => this.#entry(entry, index));
    this.#owners.finish();
    this.#xattrs.finish();
    const columns = ENTRY_COLUMNS.map((name) => this.#columns[name]);
    return [this.#tableCounts, this.#owners.body, this.#xattrs.body, ...columns];
  }

  #entry(entry: Entry, index: number): void {
    const { kinds, links, owners, seconds, nanoseconds, xattrs } = this.#columns;
    kinds.byte(kindOf(entry));
    this.#path(entry.path);
    if (entry.hardlinkTo !== undefined) {
      links.varint(index - entry.hardlinkTo);
      return;
    }
    owners.varint(this.#owners.row(entry));
    seconds.signed(entry.mtimeSeconds - this.#previousSeconds);
    this.#previousSeconds = entry.mtimeSeconds;
    nanoseconds.varint(entry.mtimeNanoseconds);
    if (entry.xattrs.length > 0) xattrs.varint(this.#xattrs.row(entry.xattrs));
    if (entry.type === 'symlink') this.#target(entry);
    if (entry.type === 'file') this.#file(entry);
  }

  #path(path: string): void {
    const limit = Math.min(path.length, this.#previousPath.length);
    let shared = 0;
    while (shared < limit && path.charCodeAt(shared) === this.#previousPath.charCodeAt(shared)) shared++;
    this.#columns.shared.varint(shared);
    this.#columns.restLengths.varint(path.length - shared);
    this.#columns.rests.latin1(path, shared);
    this.#previousPath = path;
  }

  #target({ target, path }: Entry): void {
    assert(target !== undefined, `a symbolic link has a target: ${path}`);
    this.#columns.targetLengths.varint(target.length);
    this.#columns.targets.latin1(target);
  }

  #file({ content, size }: Entry): void {
    // The size of a file with a content is the content's.
    if (content === undefined) return this.#columns.sizes.varint(size);
    this.#columns.contents.signed(content - this.#nextContent);
    this.#nextContent = Math.max(this.#nextContent, content + 1);
  }
}

function kindOf(entry: Entry): number {
  let kind = CODE_OF_TYPE.get(entry.type) as number;
  if (entry.hardlinkTo !== undefined) return kind | KIND_HARDLINK;
  if (entry.opaque) kind |= KIND_OPAQUE;
  if (entry.content !== undefined) kind |= KIND_CONTENT;
  if (entry.xattrs.length > 0) kind |= KIND_XATTRS;
  return kind;
}
