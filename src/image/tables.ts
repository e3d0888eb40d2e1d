/**
 * What many entries share stands in the manifest once: (uid, gid, mode) and sets of extended attributes.
 * Entries refer to rows by number.
 */
import { fromBuffer } from '../base/bytes.js';
import { ColumnWriter } from './columns.js';
import type { ColumnReader } from './columns.js';
import type { Entry, Xattr } from './manifest.js';
import { checkOwner, checkXattr, invalid } from './rules.js';

/** At least this much an encoded row takes: three varints; one count. */
const OWNER_LEAST_BYTES = 3;
const XATTR_SET_LEAST_BYTES = 1;
/** Length of the name, the name's five bytes (`user.`), length of the value. */
const XATTR_LEAST_BYTES = 7;

export type Owner = Pick<Entry, 'uid' | 'gid' | 'mode'>;

/** Hands out row numbers: the same key, the same row. */
class Rows {
  readonly #rows = new Map<string, number>();

  constructor(
    private readonly count: ColumnWriter,
    private readonly body: ColumnWriter,
  ) {}

  row(key: string, write: (body: ColumnWriter) => void): number {
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = this.#rows.size;
      this.#rows.set(key, row);
      write(this.body);
    }
    return row;
  }

  finish(): void {
    this.count.varint(this.#rows.size);
  }
}

export class OwnerTableWriter {
  readonly body = new ColumnWriter();
  readonly #rows: Rows;

  constructor(count: ColumnWriter) {
    this.#rows = new Rows(count, this.body);
  }

  row({ uid, gid, mode }: Owner): number {
    return this.#rows.row(`${uid}:${gid}:${mode}`, (body) => {
      body.varint(uid);
      body.varint(gid);
      body.varint(mode);
    });
  }

  finish(): void {
    this.#rows.finish();
  }
}

export function readOwnerTable(counts: ColumnReader, body: ColumnReader): Owner[] {
  const count = counts.count(body, OWNER_LEAST_BYTES);
  const owners: Owner[] = [];
  for (let i = 0; i < count; i++) {
    const owner = { uid: body.varint(), gid: body.varint(), mode: body.varint() };
    checkOwner(owner.uid, owner.gid, owner.mode);
    owners.push(owner);
  }
  body.end();
  return owners;
}

export class XattrTableWriter {
  readonly body = new ColumnWriter();
  readonly #rows: Rows;

  constructor(count: ColumnWriter) {
    this.#rows = new Rows(count, this.body);
  }

  row(xattrs: readonly Xattr[]): number {
    const key = xattrs.map(({ name, value }) => `${name}\0${value.length}:${fromBuffer(value)}`).join('');
    return this.#rows.row(key, (body) => {
      body.varint(xattrs.length);
      for (const { name, value } of xattrs) {
        body.varint(name.length);
        body.latin1(name);
        body.varint(value.length);
        body.bytes(value);
      }
    });
  }

  finish(): void {
    this.#rows.finish();
  }
}

export function readXattrTable(counts: ColumnReader, body: ColumnReader): Xattr[][] {
  const count = counts.count(body, XATTR_SET_LEAST_BYTES);
  const sets: Xattr[][] = [];
  for (let i = 0; i < count; i++) sets.push(readXattrSet(body));
  body.end();
  return sets;
}

function readXattrSet(body: ColumnReader): Xattr[] {
  const count = body.count(body, XATTR_LEAST_BYTES);
  const xattrs: Xattr[] = [];
  for (let i = 0; i < count; i++) {
    const name = fromBuffer(body.bytes(body.varint()));
    // A copy: the attributes must not keep the whole inflated manifest alive.
    const value = Buffer.from(body.bytes(body.varint()));
    checkXattr(name, value);
    const previous = xattrs.at(-1);
    if (previous && !(previous.name < name)) throw invalid('extended attributes are not in ascending order');
    xattrs.push({ name, value });
  }
  if (count === 0) throw invalid('a set of extended attributes is empty');
  return xattrs;
}
