/**
 * The scanned layer as a source of chunks: reads a file again when a chunk of it is asked for, and gives the
 * bytes only when they are still those that were scanned.
 */
import { closeSync, fstatSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { ByteString } from '../base/bytes.js';
import { assert } from '../base/errors.js';
import type { Piece } from '../image/chunks.js';
import { chunkLocation, verifyChunk } from '../image/chunks.js';
import type { Manifest } from '../image/manifest.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import { hasMoved, layerChanged, layerUnreadable } from './failures.js';
import { openFile, openPassage } from './locations.js';
import type { LayerSource } from './source.js';

const readAt = promisify(read);

const OPEN_FILES_MAX = 32;
const OPEN_DIRECTORIES_MAX = 32;

/** Closed when it has left the cache and nobody reads from it. */
class OpenFile {
  #readers = 0;
  #retired = false;

  constructor(readonly fd: number) {}

  async use<T>(action: (fd: number) => Promise<T>): Promise<T> {
    this.#readers++;
    try {
      return await action(this.fd);
    } finally {
      this.#readers--;
      this.#closeIfDone();
    }
  }

  retire(): void {
    this.#retired = true;
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#retired && this.#readers === 0) closeSync(this.fd);
  }
}

export class LayerReader implements LayerSource {
  readonly #paths: ByteString[] = [];
  readonly #files = new LRUCache<number, OpenFile>({
    max: OPEN_FILES_MAX,
    dispose: (file) => file.retire(),
  });
  readonly #directories = new LRUCache<ByteString, number>({
    max: OPEN_DIRECTORIES_MAX,
    dispose: (fd) => closeSync(fd),
  });
  #closed = false;

  /** @param rootFd the layer's root; closed by `close` */
  constructor(
    private readonly rootFd: number,
    readonly manifest: Manifest,
  ) {
    for (const { content, path } of manifest.entries)
      if (content !== undefined) this.#paths[content] ??= path;
  }

  pathOf(content: number): ByteString {
    const path = this.#paths[content];
    assert(path !== undefined, `content ${content} exists`);
    return path;
  }

  async readChunk(chunk: number): Promise<Buffer> {
    assert(!this.#closed, 'a closed layer is not read');
    const { content, length, pieces } = chunkLocation(this.manifest, chunk);
    const path = this.pathOf(content);
    try {
      const bytes = await this.#open(content).use((fd) => readPieces(fd, pieces, length));
      if (bytes && verifyChunk(this.manifest, chunk, bytes)) return bytes;
    } catch (error) {
      if (!hasMoved(error)) throw layerUnreadable(path, error);
      throw layerChanged(path, error);
    }
    throw layerChanged(path);
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#files.clear();
      this.#directories.clear();
      closeSync(this.rootFd);
    }
    return Promise.resolve();
  }

  #open(content: number): OpenFile {
    let file = this.#files.get(content);
    if (!file) {
      const [directory, name] = splitPath(this.pathOf(content));
      file = new OpenFile(openFile(this.#directory(directory), name));
      this.#files.set(content, file);
    }
    return file;
  }

  /** Each component in its open parent: a link that has taken a directory's place is not followed. */
  #directory(path: ByteString): number {
    if (path === '') return this.rootFd;
    let fd = this.#directories.get(path);
    if (fd === undefined) {
      const [parent, name] = splitPath(path);
      fd = openPassage(this.#directory(parent), name);
      this.#directories.set(path, fd);
    }
    return fd;
  }
}

function splitPath(path: ByteString): [directory: ByteString, name: ByteString] {
  const slash = path.lastIndexOf('/');
  const directory = slash < 0 ? '' : path.slice(0, slash);
  return [directory as ByteString, path.slice(slash + 1) as ByteString];
}

/** Undefined when the file is too short, or is no file any more (a fifo would give other bytes, or block). */
async function readPieces(fd: number, pieces: readonly Piece[], length: number): Promise<Buffer | undefined> {
  if (!fstatSync(fd).isFile()) return undefined;
  const bytes = chunkBuffers.take(length);
  let filled = 0;
  for (const [offset, size] of pieces) {
    for (let done = 0; done < size;) {
      const { bytesRead } = await readAt(fd, bytes, filled, size - done, offset + done);
      if (bytesRead === 0) return undefined;
      done += bytesRead;
      filled += bytesRead;
    }
  }
  return bytes;
}
