/**
 * A tree that is written where nobody looks, and appears at its destination in one step. It grows in a directory of its
 * own beside the destination, which root alone may enter:
 *
 *   contents/ID     what has arrived of content ID
 *   tree/NAME       the whole, made of the contents when all of them are here
 */
import { closeSync, fsync, ftruncateSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ByteString } from '../base/bytes.js';
import { fromText, toBuffer } from '../base/bytes.js';
import { TeesError, assert } from '../base/errors.js';
import { native } from '../base/native.js';
import type { ChunkLocation } from '../image/chunks.js';
import type { Content, Entry, Manifest } from '../image/manifest.js';
import { writePieces, writePiecesSync } from '../store/piece-io.js';
import type { PlacementSpec } from '../wire/placement.js';
import { Destination, destinationError, needsOf } from './destination.js';
import { PRIVATE_MODE, removeTree } from './directories.js';
import { encodeTreeProgram } from './names-program.js';

const PREFIX = '.tees-';
const NAME_LENGTH_MAX = 200;
/** As in the store: smaller writes are faster without the thread pool. */
const SYNCHRONOUS_MAX_BYTES = 64 * 1024;
const FILE_MODE = 0o600;
// renameat2(2)
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
/** Would be inherited by all that is made below. */
const DEFAULT_ACL = Buffer.from('system.posix_acl_default');

/** What a thing is, whatever its name. */
export interface Identity {
  readonly device: string;
  readonly inode: string;
}

/** Where a job's tree grows: nodes may share the directory, and jobs do. */
export function stagePath(destination: string, job: string, node: string): string {
  return join(dirname(destination), `${PREFIX}${job}-${node}`.slice(0, NAME_LENGTH_MAX));
}

/** Whatever of it is there. @throws TeesError STORE_BUSY */
export async function removeStage(path: string): Promise<void> {
  assert(basename(path).startsWith(PREFIX), `${path} is where a tree grows`);
  await removeTree(path);
}

export function identityOf(path: string | Buffer): Identity | undefined {
  try {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && { device: String(stat.dev), inode: String(stat.ino) };
  } catch {
    return undefined;
  }
}

export function isSame(one: Identity | undefined, other: Identity | undefined): boolean {
  return one !== undefined && one.device === other?.device && one.inode === other.inode;
}

export class StagedTree {
  readonly #destination: Destination;
  readonly #name: string;
  readonly #top: Entry;
  /** The content that grows. */
  #growing: { readonly content: number; readonly fd: number } | undefined;

  /**
   * Looks at the destination, and writes nothing.
   * @param path as `stagePath` has it
   * @throws TeesError DESTINATION_MISSING, DESTINATION_EXISTS, DESTINATION_FULL, DESTINATION_FAILED, MANIFEST_INVALID
   */
  constructor(
    private readonly spec: PlacementSpec,
    readonly path: string,
    private readonly manifest: Manifest,
  ) {
    this.#name = basename(path);
    this.#top = topOf(manifest, spec);
    this.#destination = new Destination(spec.destination);
    try {
      this.#destination.check(spec.isDirectory, spec.force);
      this.#destination.checkRoom(needsOf(manifest));
    } catch (error) {
      this.#destination.close();
      throw error;
    }
  }

  /** @throws TeesError DESTINATION_READ_ONLY, DESTINATION_FULL, DESTINATION_FAILED */
  begin(): void {
    try {
      const stage = this.#destination.at(this.#name);
      mkdirSync(stage, PRIVATE_MODE);
      native().removeXattr(Buffer.from(stage), DEFAULT_ACL);
      for (const name of ['contents', 'tree']) mkdirSync(this.#at(name), PRIVATE_MODE);
    } catch (error) {
      throw destinationError(error, fromText(this.spec.destination));
    }
  }

  /** A chunk that has been verified; chunks come in their order. @throws TeesError DESTINATION_FULL, DESTINATION_FAILED */
  async write({ content, pieces }: ChunkLocation, body: Buffer): Promise<void> {
    try {
      const fd = this.#open(content);
      if (body.length > SYNCHRONOUS_MAX_BYTES) await writePieces(fd, body, pieces);
      else writePiecesSync(fd, body, pieces);
    } catch (error) {
      throw destinationError(error, fromText(this.spec.destination));
    }
  }

  #open(content: number): number {
    if (this.#growing?.content === content) return this.#growing.fd;
    this.#close();
    const fd = openSync(this.#at(`contents/${content}`), 'wx', FILE_MODE);
    this.#growing = { content, fd };
    ftruncateSync(fd, (this.manifest.contents[content] as Content).size);
    return fd;
  }

  #close(): void {
    if (this.#growing) closeSync(this.#growing.fd);
    this.#growing = undefined;
  }

  /** All contents are here. @throws TeesError DESTINATION_FULL, DESTINATION_FAILED, naming the path */
  async finish(): Promise<void> {
    this.#close();
    const program = encodeTreeProgram(this.manifest);
    const tree = Buffer.from(this.#at('tree'));
    try {
      await native().writeNames(tree, program, Buffer.from(this.#at('contents')));
    } catch (error) {
      throw destinationError(error, this.#shown((error as { path?: ByteString }).path));
    }
    try {
      if (this.spec.sync) await native().syncFileSystem(tree);
    } catch (error) {
      throw destinationError(error, fromText(this.spec.destination));
    }
  }

  /** What will appear; it stays the same under its new name. */
  get identity(): Identity {
    const identity = identityOf(this.#whole);
    assert(identity, 'the tree has been written');
    return identity;
  }

  /** It appears. @throws TeesError DESTINATION_EXISTS, DESTINATION_FAILED */
  async publish(): Promise<void> {
    const { spec } = this;
    const destination = this.#destination;
    const to = destination.at(destination.name);
    try {
      destination.check(spec.isDirectory, spec.force);
      const exchanges = spec.isDirectory && destination.stat() !== undefined;
      await this.#rename(
        Buffer.from(to),
        !spec.isDirectory ? 0 : exchanges ? RENAME_EXCHANGE : RENAME_NOREPLACE,
      );
      if (spec.sync) await promisify(fsync)(destination.fd);
    } catch (error) {
      throw destinationError(error, fromText(spec.destination));
    }
  }

  async #rename(to: Buffer, flags: number): Promise<void> {
    try {
      await native().renameTo(this.#whole, to, flags);
    } catch (error) {
      // Some file systems cannot refuse a name that is taken; it has just been looked.
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL' || flags !== RENAME_NOREPLACE) throw error;
      await native().renameTo(this.#whole, to, 0);
    }
  }

  close(): void {
    this.#close();
    this.#destination.close();
  }

  /** In the directory where it grows. */
  #at(name: string): string {
    return this.#destination.at(`${this.#name}/${name}`);
  }

  get #whole(): Buffer {
    return Buffer.concat([Buffer.from(this.#at('tree/')), toBuffer(this.#top.path)]);
  }

  /** As it will be found. @param path below `tree` */
  #shown(path = '' as ByteString): ByteString {
    const below = path.slice(this.#top.path.length);
    return (fromText(this.spec.destination) + below) as ByteString;
  }
}

/** A directory of nothing, and in it what is carried. @throws TeesError MANIFEST_INVALID */
function topOf({ entries }: Manifest, { isDirectory }: PlacementSpec): Entry {
  const tops = entries.filter(({ path }) => path !== '' && !path.includes('/'));
  const [top] = tops;
  if (top && tops.length === 1 && top.type === (isDirectory ? 'directory' : 'file')) return top;
  throw new TeesError('MANIFEST_INVALID', 'the manifest is not of one file or directory', {
    hint: 'It was damaged on its way or made by another version: submit the job again.',
  });
}
