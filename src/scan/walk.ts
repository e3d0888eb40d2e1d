/**
 * Walks an upper layer and notes every name with its metadata and its data's digests.
 * Runs on a thread of its own and is synchronous: that is the fastest way through many small files.
 * Somebody may be working in the layer meanwhile: a file that changes is looked at again, a name that went
 * away is left out, and what does not come to rest is refused by name.
 */
import type { BigIntStats } from 'node:fs';
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { ByteString } from '../base/bytes.js';
import { fromBuffer } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import { FILE_SIZE_MAX_BYTES, MANIFEST_ENTRIES_MAX, PATH_MAX_BYTES } from '../base/limits.js';
import type { EntryType, Xattr } from '../image/manifest.js';
import { RESERVED_TOP_LEVEL_NAME } from '../image/manifest.js';
import type { Attributes } from './attributes.js';
import { readAttributes } from './attributes.js';
import type { DigestCache, FileData } from './digest-cache.js';
import { inodeKey } from './digest-cache.js';
import { deviceNode, hasMoved, layerBusy, layerUnreadable, layerUnsupported } from './failures.js';
import { FileMoved, readFileData, requireSame } from './file-data.js';
import { locate, openDirectory, openFile, withDescriptor } from './locations.js';

/** How often a changing file or directory is looked at before it is refused. */
const ATTEMPTS_MAX = 4;

/** A name of the layer; `manifest-builder.ts` makes entries of them. */
export interface Found {
  readonly path: ByteString;
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly xattrs: readonly Xattr[];
  readonly opaque: boolean;
  readonly target?: ByteString;
  readonly data?: FileData;
  /** Set where another name may be the same inode. */
  readonly inode?: string;
}

export interface WalkProgress {
  entries: number;
  bytesHashed: number;
  bytesReused: number;
}

export class LayerWalk {
  readonly progress: WalkProgress = { entries: 0, bytesHashed: 0, bytesReused: 0 };
  readonly #found: Found[] = [];

  constructor(
    private readonly rootFd: number,
    private readonly cache: DigestCache,
    private readonly onProgress: () => void = () => {},
  ) {}

  /** @param only of what is in the root, this name alone */
  run(only?: ByteString): Found[] {
    const root = '' as ByteString;
    try {
      const here = locate(this.rootFd, '.');
      const stat = lstatSync(here, { bigint: true });
      const attributes = readAttributes(here, root, true);
      this.#add(root, 'directory', stat, attributes);
      if (only === undefined) this.#children(this.rootFd, root, attributes, listNames(this.rootFd));
      else this.#name(this.rootFd, root, only, attributes);
    } catch (error) {
      if (error instanceof TeesError) throw error;
      throw layerUnreadable(root, error);
    }
    return this.#found;
  }

  /** A name that goes away may have been renamed to one that was not listed yet: so list again. */
  #children(fd: number, path: ByteString, attributes: Attributes, listed: ByteString[]): void {
    const seen = new Set<string>();
    let names = listed;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      let vanished = false;
      for (const name of names) {
        seen.add(name);
        if (!this.#name(fd, path, name, attributes)) vanished = true;
      }
      if (!vanished) return;
      names = listNames(fd).filter((name) => !seen.has(name));
    }
    throw layerBusy(path);
  }

  /** @returns false when there is no such name any more */
  #name(parentFd: number, parentPath: ByteString, name: ByteString, parent: Attributes): boolean {
    const path = (parentPath === '' ? name : `${parentPath}/${name}`) as ByteString;
    this.#refuse(path);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      try {
        const location = locate(parentFd, name);
        const stat = lstatSync(location, { bigint: true, throwIfNoEntry: false });
        if (!stat) return false;
        this.#inode(parentFd, name, location, path, stat, parent);
        return true;
      } catch (error) {
        if (error instanceof TeesError) throw error;
        if (!(error instanceof FileMoved) && !hasMoved(error)) throw layerUnreadable(path, error);
      }
    }
    throw layerBusy(path);
  }

  #refuse(path: ByteString): void {
    if (path === RESERVED_TOP_LEVEL_NAME)
      throw layerUnsupported(path, 'the reserved name .tees', 'Rename it: nodes need this name.');
    if (path.length >= PATH_MAX_BYTES)
      throw layerUnsupported(path, 'a path of more than 4095 bytes', 'No program can open it by name.');
    if (this.#found.length >= MANIFEST_ENTRIES_MAX)
      throw layerUnsupported(
        path,
        `more than ${MANIFEST_ENTRIES_MAX} files`,
        'Remove what the job does not need.',
      );
  }

  #inode(
    parentFd: number,
    name: ByteString,
    location: Buffer,
    path: ByteString,
    stat: BigIntStats,
    parent: Attributes,
  ): void {
    if (stat.isCharacterDevice() && stat.rdev === 0n) return this.#whiteout(path);
    if (stat.isCharacterDevice() || stat.isBlockDevice()) throw deviceNode(path);
    const attributes = readAttributes(location, path, stat.isDirectory());
    if (stat.isDirectory()) {
      withDescriptor(openDirectory(parentFd, name), (fd) => {
        requireSame(fd, stat);
        const names = listNames(fd);
        this.#add(path, 'directory', stat, attributes);
        this.#children(fd, path, attributes, names);
      });
    } else if (stat.isFile()) {
      const whiteout = attributes.markedWhiteout && parent.holdsMarkedWhiteouts && stat.size === 0n;
      if (whiteout) return this.#whiteout(path);
      const data = this.#data(parentFd, name, path, stat);
      this.#add(path, 'file', stat, attributes, data && { data });
    } else if (stat.isSymbolicLink()) {
      const target = fromBuffer(readlinkSync(location, 'buffer'));
      this.#add(path, 'symlink', stat, attributes, { target });
    } else {
      this.#add(path, stat.isFIFO() ? 'fifo' : 'socket', stat, attributes);
    }
  }

  #data(parentFd: number, name: ByteString, path: ByteString, stat: BigIntStats): FileData | undefined {
    if (stat.size === 0n) return undefined;
    if (stat.size > BigInt(FILE_SIZE_MAX_BYTES))
      throw layerUnsupported(path, 'a file that is too large', 'Keep large data on shared storage.');
    const known = this.cache.find(stat);
    if (known) {
      this.progress.bytesReused += known.size;
      return known;
    }
    const data = withDescriptor(openFile(parentFd, name), (fd) =>
      readFileData(fd, stat, (count) => {
        this.progress.bytesHashed += count;
        this.onProgress();
      }),
    );
    this.cache.add(stat, data);
    return data;
  }

  /** A whiteout has no metadata that anybody could see. */
  #whiteout(path: ByteString): void {
    const nothing = { mode: 0, uid: 0, gid: 0, mtimeNs: 0n, xattrs: [], opaque: false };
    this.#push({ path, type: 'whiteout', ...nothing });
  }

  #add(
    path: ByteString,
    type: EntryType,
    stat: BigIntStats,
    { xattrs, opaque }: Attributes,
    more: Pick<Found, 'data' | 'target'> = {},
  ): void {
    const shared = type !== 'directory' && stat.nlink > 1n;
    this.#push({
      path,
      type,
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      mtimeNs: stat.mtimeNs,
      xattrs,
      opaque,
      ...more,
      ...(shared ? { inode: inodeKey(stat) } : {}),
    });
  }

  #push(found: Found): void {
    this.#found.push(found);
    this.progress.entries++;
    this.onProgress();
  }
}

function listNames(fd: number): ByteString[] {
  try {
    const names = readdirSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' }).map(fromBuffer);
    return names.sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    // A directory that was removed while it is open has no names.
    if (hasMoved(error)) return [];
    throw error;
  }
}
