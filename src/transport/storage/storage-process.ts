/**
 * The process that reads and writes a job's files on the shared storage as its user (native/storage/storage.h). It may
 * hang there for ever, and cannot always be killed then; nobody waits for it, and what was asked of it fails.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { OnReadOpts } from 'node:net';
import { TeesError } from '../../base/errors.js';
import { native, storagePath } from '../../base/native.js';
import type { FileUser } from '../../base/native.js';
import { chunkBuffers } from '../../wire/buffer-pool.js';
import { READING, storageError, storageSilent } from './storage-error.js';

const REQUEST_BYTES = 24;
const REPLY_BYTES = 8;
const READ_BUFFER_BYTES = 128 * 1024;
const KEY = 0;
const MAKE = 1;
const WRITE = 2;
const FINISH = 3;
const READ = 4;
const REMOVE = 5;

export interface StorageProcessOptions {
  /** Of the shared storage. */
  readonly directory: string;
  /** The job's, in it. */
  readonly name: string;
  readonly user: FileUser;
  /** Of what lies there. Without it nothing is read or written. */
  readonly key?: Buffer;
  /** It has failed when it has not answered a request for so long. */
  readonly deadlineMs: number;
}

interface Request {
  readonly op: number;
  readonly what: string;
  readonly path: string;
  readonly segment?: number;
  readonly offset?: number;
  /** Behind it. */
  readonly bodies?: readonly Buffer[];
  /** Of the buffers that its reply fills. */
  readonly lengths?: readonly number[];
}

interface Pending extends Request {
  resolve(bodies: Buffer[]): void;
  reject(error: TeesError): void;
}

export class StorageProcess {
  readonly path: string;
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  /** Answered in this order. */
  readonly #pending: Pending[] = [];
  readonly #head = Buffer.alloc(REPLY_BYTES);
  #headFilled = 0;
  /** What the reply that is coming has filled already, and is filling. */
  #bodies: Buffer[] = [];
  #filling: Buffer | undefined;
  #filled = 0;
  #timer: NodeJS.Timeout | undefined;
  #failure: TeesError | undefined;

  constructor(private readonly options: StorageProcessOptions) {
    const { directory, name, user, key } = options;
    this.path = `${directory}/${name}`;
    const argv = [user.uid, user.gid, user.groups.join(','), directory, name].map(String);
    const [ours, theirs] = native().socketPair();
    this.#child = spawn(storagePath(), argv, { cwd: '/', env: {}, stdio: [theirs, theirs, 'ignore'] });
    closeSync(theirs);
    this.#child.unref();
    this.#child.once('error', (error) => this.#fail(this.#ended(error.message)));
    this.#child.once('exit', (status, signal) => this.#fail(this.#ended(`${signal ?? `status ${status}`}`)));
    const onread: OnReadOpts = {
      buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
      callback: (count, buffer) => this.#receive(Buffer.from(buffer.buffer, buffer.byteOffset, count)),
    };
    const end = { fd: ours, readable: true, writable: true, onread };
    this.#socket = new Socket(end);
    this.#socket.on('error', () => {});
    if (key) this.#ask({ op: KEY, what: 'opening', path: this.path, bodies: [key] }).catch(() => {});
  }

  /** The job's directory. @throws TeesError SHARED_STORAGE_FAILED, SHARED_STORAGE_FULL, as all of these */
  async make(): Promise<void> {
    await this.#ask({ op: MAKE, what: 'making a directory', path: this.path });
  }

  /**
   * At the end of a segment, which begins with the first write. The buffers must not change before it resolves; it
   * releases them (chunkBuffers).
   */
  async write(segment: number, bodies: readonly Buffer[]): Promise<void> {
    await this.#ask({ op: WRITE, what: 'writing', path: this.#segment(segment), segment, bodies });
    for (const body of bodies) chunkBuffers.release(body);
  }

  /** From now on others can read the segment. */
  async finish(segment: number): Promise<void> {
    await this.#ask({ op: FINISH, what: 'writing', path: this.#segment(segment), segment });
  }

  /** So many buffers, of what lies one behind the other; the caller releases them (chunkBuffers). */
  read(segment: number, offset: number, lengths: readonly number[]): Promise<Buffer[]> {
    return this.#ask({ op: READ, what: READING, path: this.#segment(segment), segment, offset, lengths });
  }

  /** The job's directory and all in it. */
  async remove(): Promise<void> {
    await this.#ask({ op: REMOVE, what: 'removing a directory', path: this.path });
  }

  /** What has not been answered fails. */
  kill(): void {
    this.#fail(new TeesError('SHARED_STORAGE_FAILED', 'the job is over', { path: this.path }));
  }

  #segment(segment: number): string {
    return `${this.path}/${segment}`;
  }

  #ask(request: Request): Promise<Buffer[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    const { op, segment = 0, offset = 0, bodies = [], lengths = [] } = request;
    const head = Buffer.alloc(REQUEST_BYTES);
    head.writeUInt32LE(op, 0);
    head.writeUInt32LE(segment, 4);
    head.writeBigUInt64LE(BigInt(offset), 8);
    head.writeUInt32LE(sum(lengths) + sum(bodies.map(({ length }) => length)), 16);
    this.#socket.cork();
    for (const bytes of [head, ...bodies]) this.#socket.write(bytes);
    this.#socket.uncork();
    return new Promise((resolve, reject) => {
      this.#pending.push({ ...request, resolve, reject });
      if (this.#pending.length === 1) this.#expect();
    });
  }

  /** The oldest request is answered in time, or all have failed. */
  #expect(): void {
    clearTimeout(this.#timer);
    const [oldest] = this.#pending;
    if (!oldest) return;
    const { deadlineMs } = this.options;
    const late = (): void => this.#fail(storageSilent(deadlineMs, oldest.what, oldest.path));
    this.#timer = setTimeout(late, deadlineMs);
  }

  /** @returns whether to go on reading */
  #receive(bytes: Buffer): boolean {
    for (let at = 0; !this.#failure && (at < bytes.length || this.#filling?.length === 0);) {
      if (this.#filling) {
        const taken = bytes.copy(this.#filling, this.#filled, at);
        at += taken;
        this.#filled += taken;
        if (this.#filled === this.#filling.length) this.#fillNext();
      } else {
        const taken = bytes.copy(this.#head, this.#headFilled, at);
        at += taken;
        this.#headFilled += taken;
        if (this.#headFilled === REPLY_BYTES) this.#fillNext();
      }
    }
    return this.#failure === undefined;
  }

  /** The reply goes on, or is complete. */
  #fillNext(): void {
    if (this.#filling) this.#bodies.push(this.#filling);
    this.#filled = 0;
    const errno = this.#head.readInt32LE(0);
    const length = this.#pending[0]?.lengths?.[this.#bodies.length];
    this.#filling = errno === 0 && length !== undefined ? chunkBuffers.take(length) : undefined;
    if (this.#filling) return;
    const bodies = this.#bodies;
    this.#bodies = [];
    this.#headFilled = 0;
    const answered = this.#pending.shift();
    this.#expect();
    if (errno === 0) answered?.resolve(bodies);
    else answered?.reject(storageError(errno, answered.what, answered.path));
  }

  #ended(how: string): TeesError {
    return new TeesError('SHARED_STORAGE_FAILED', `the process for the shared storage ended: ${how}`, {
      path: this.path,
      hint: 'Was it killed? Submit the job again.',
    });
  }

  #fail(error: TeesError): void {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#timer);
    this.#child.kill('SIGKILL');
    this.#socket.destroy();
    for (const pending of this.#pending.splice(0)) pending.reject(error);
  }
}

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}
