/**
 * A manifest's names as a program for the native side: what to create below one directory, in tree order, so
 * that C needs nothing but the open descriptor of the directory it is in. Everything is validated here; C checks
 * only that it never reads past the end.
 *
 * Layout (little-endian, strings behind their length): the magic, then records until the end.
 *   ENTER name                      a new directory, and into it
 *   LEAVE meta                      its metadata, and back to its parent; the last one is the root's own
 *   FILE name meta size content     content is NO_CONTENT for a file that is empty or one hole
 *   SYMLINK name meta target        FIFO name meta        SOCKET name meta        WHITEOUT name
 *   LINK name path                  a further name of the file made earlier at `path`
 *   PLACE name meta size content last   a file with its data: moved out of the directory of contents at the content's
 *                                   last use, copied before
 *   meta = uid gid mode opaque seconds nanoseconds xattrs
 * A directory gets its metadata when it is left: a default ACL or a set-group-id bit set earlier would be
 * inherited by what is created in it, and its times would change.
 */
import type { ByteString } from '../base/bytes.js';
import { fromText } from '../base/bytes.js';
import type { Entry, Manifest } from '../image/manifest.js';
import { RESERVED_TOP_LEVEL_NAME } from '../image/manifest.js';
import { ByteWriter } from './byte-writer.js';
import { checkEntry, refuse } from './names-check.js';

const MAGIC = 0x314e4d54; // "TMN1"
const NO_CONTENT = 0xffffffff;

const ENTER = 1;
const LEAVE = 2;
const FILE = 3;
const SYMLINK = 4;
const FIFO = 5;
const SOCKET = 6;
const WHITEOUT = 7;
const LINK = 8;
const PLACE = 9;

export interface NamesOptions {
  /**
   * An extended attribute that gives each file that refers to a content the content's number; and `/.tees` is then a
   * directory, for a hook that mounts something there.
   */
  readonly label?: string;
}

/** @throws TeesError MANIFEST_INVALID, naming the path */
export function encodeNamesProgram(manifest: Manifest, options: NamesOptions = {}): Buffer {
  const writer = new ByteWriter().u32(MAGIC);
  if (options.label === undefined) {
    // Hides `/.tees`, where the layers below keep contents.
    writer.u8(WHITEOUT).name(RESERVED_TOP_LEVEL_NAME);
  } else {
    writer.u8(ENTER).name(RESERVED_TOP_LEVEL_NAME);
    writeMeta(writer.u8(LEAVE), MOUNT_POINT);
  }
  new TreeEncoder(manifest, writer, options.label).encode();
  return writer.finish();
}

/** A tree of files with their data, which is no layer over anything. @throws TeesError MANIFEST_INVALID, naming the path */
export function encodeTreeProgram(manifest: Manifest): Buffer {
  const writer = new ByteWriter().u32(MAGIC);
  new TreeEncoder(manifest, writer, undefined, usesOf(manifest)).encode();
  return writer.finish();
}

/** How many inodes have each content. */
function usesOf({ entries, contents }: Manifest): Uint32Array {
  const uses = new Uint32Array(contents.length);
  for (const { content, hardlinkTo } of entries)
    if (content !== undefined && hardlinkTo === undefined) (uses[content] as number)++;
  return uses;
}

const MOUNT_POINT: Entry = {
  path: RESERVED_TOP_LEVEL_NAME as ByteString,
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: [],
  opaque: false,
  size: 0,
};

/** Only the metadata of the root, for the upper layer's directory, which is what shows as `/` inside. */
export function encodeRootProgram(manifest: Manifest): Buffer {
  const writer = new ByteWriter().u32(MAGIC);
  const root = manifest.entries.find((entry) => entry.path === '');
  if (root) {
    checkEntry(root, manifest);
    writer.u8(LEAVE);
    writeMeta(writer, root);
  }
  return writer.finish();
}

/**
 * Tree order: a directory, then all that is in it. Byte order of paths is not that: `a`, `a-b`, `a/c`.
 * With NUL, which no name holds, in place of the slash, it is.
 */
function inTreeOrder(entries: readonly Entry[]): { entry: Entry; index: number }[] {
  const keyed = entries.map((entry, index) => ({ entry, index, key: entry.path.replaceAll('/', '\0') }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

class TreeEncoder {
  /** The directories entered and not yet left, the root below them all. */
  readonly #open: Entry[] = [];
  /** The first name written of each inode that has several, by the index of its leading entry. */
  readonly #linked = new Map<number, ByteString>();
  #root: Entry | undefined;

  constructor(
    private readonly manifest: Manifest,
    private readonly writer: ByteWriter,
    private readonly label?: string,
    /** Uses of each content that are to come, where files get their data. */
    private readonly uses?: Uint32Array,
  ) {}

  encode(): void {
    for (const { entry, index } of inTreeOrder(this.manifest.entries)) {
      checkEntry(entry, this.manifest);
      if (this.uses && entry.opaque) refuse(entry.path, 'an opaque directory, and nothing below it');
      if (entry.path === '') this.#setRoot(entry);
      else this.#entry(entry, index);
    }
    while (this.#open.length > 0) this.#leave();
    if (this.#root) writeMeta(this.writer.u8(LEAVE), this.#root);
  }

  #setRoot(entry: Entry): void {
    if (entry.type !== 'directory') refuse(entry.path, 'the root is no directory');
    this.#root = entry;
  }

  #entry(entry: Entry, index: number): void {
    const slash = entry.path.lastIndexOf('/');
    const parent = entry.path.slice(0, Math.max(slash, 0));
    while (this.#open.length > 0 && this.#open.at(-1)?.path !== parent) this.#leave();
    if (parent !== '' && this.#open.length === 0) refuse(entry.path, 'its directory is missing');
    const name = entry.path.slice(slash + 1);
    if (entry.type === 'directory') {
      this.writer.u8(ENTER).name(name);
      this.#open.push(entry);
    } else if (!this.#link(entry, index, name)) {
      this.#create(entry, name);
    }
  }

  /** @returns whether it is a further name of something already made */
  #link(entry: Entry, index: number, name: string): boolean {
    const leader = entry.hardlinkTo ?? index;
    const first = this.#linked.get(leader);
    if (first === undefined || entry.type === 'whiteout') {
      // Every file may turn out to lead others; the map holds references to strings that exist anyway.
      this.#linked.set(leader, entry.path);
      return false;
    }
    this.writer.u8(LINK).name(name).name(first);
    return true;
  }

  #create(entry: Entry, name: string): void {
    // A hardlink's own metadata may be left out: those of its leader count.
    const inode = entry.hardlinkTo === undefined ? entry : (this.manifest.entries[entry.hardlinkTo] as Entry);
    switch (inode.type) {
      case 'file':
        if (this.uses && inode.content !== undefined)
          return this.#place(inode, inode.content, name, this.uses);
        writeMeta(this.writer.u8(FILE).name(name), this.#labelled(inode));
        this.writer.i64(inode.size).u32(inode.content ?? NO_CONTENT);
        break;
      case 'symlink':
        writeMeta(this.writer.u8(SYMLINK).name(name), inode);
        this.writer.name(inode.target ?? '');
        break;
      case 'fifo':
        writeMeta(this.writer.u8(FIFO).name(name), inode);
        break;
      case 'socket':
        writeMeta(this.writer.u8(SOCKET).name(name), inode);
        break;
      case 'whiteout':
        if (this.uses) refuse(entry.path, 'a whiteout, and nothing below it');
        // Nothing shows through an opaque directory; there overlayfs would list the whiteout itself.
        if (!this.#open.some(({ opaque }) => opaque)) this.writer.u8(WHITEOUT).name(name);
        break;
      case 'directory':
        refuse(entry.path, 'a hardlink to a directory');
    }
  }

  #place(inode: Entry, content: number, name: string, uses: Uint32Array): void {
    const left = --(uses[content] as number);
    writeMeta(this.writer.u8(PLACE).name(name), inode);
    this.writer
      .i64(inode.size)
      .u32(content)
      .u8(left === 0 ? 1 : 0);
  }

  #labelled(inode: Entry): Entry {
    if (this.label === undefined || inode.content === undefined) return inode;
    const label = { name: fromText(this.label), value: Buffer.from(String(inode.content)) };
    // Last, so that it is the one that counts.
    return { ...inode, xattrs: [...inode.xattrs, label] };
  }

  #leave(): void {
    const directory = this.#open.pop() as Entry;
    writeMeta(this.writer.u8(LEAVE), directory);
  }
}

function writeMeta(writer: ByteWriter, entry: Entry): void {
  writer
    .u32(entry.uid)
    .u32(entry.gid)
    .u16(entry.mode)
    .u8(entry.opaque && entry.path !== '' ? 1 : 0);
  writer.i64(entry.mtimeSeconds).u32(entry.mtimeNanoseconds).u16(entry.xattrs.length);
  for (const { name, value } of entry.xattrs) writer.name(name).blob(value);
}
