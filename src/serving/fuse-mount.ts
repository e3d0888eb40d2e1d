/**
 * One FUSE mount through the library fuse-native, from mount(2) to the end of its threads.
 *
 * Of the library this uses the addon and the marshalling of requests; mounting and unmounting are done here:
 *  - its own unmount runs `fusermount`, which a machine may lack, and which does not abort: threads would live
 *    as long as somebody holds a file. MNT_FORCE ends the connection, whoever holds what;
 *  - libfuse opens /dev/fuse without O_CLOEXEC: every program the daemon starts, the user's task among them, would
 *    inherit a door to a file system that root trusts, and a killed daemon would leave its readers stuck.
 */
import { constants, accessSync, readdirSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants as osConstants } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../base/errors.js';
import { native } from '../base/native.js';

/** What the library hands over and takes back; every callback's first argument is a result or a negative errno. */
export interface FuseOperations {
  getattr(path: string, done: (result: number, stat?: FuseStat) => void): void;
  readdir(path: string, done: (result: number, names?: string[]) => void): void;
  open(path: string, flags: number, done: (result: number, handle?: number) => void): void;
  read(
    path: string,
    handle: number,
    into: Buffer,
    length: number,
    offset: number,
    done: (result: number) => void,
  ): void;
  release(path: string, handle: number, done: (result: number) => void): void;
}

export interface FuseStat {
  readonly mode: number;
  readonly size: number;
  readonly blocks: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

interface FuseMarshalling {
  ops: FuseOperations;
  _thread: Buffer;
  _openCallback: ((error: Error | null) => void) | null;
  readonly _handlers: unknown[];
  /** Called by the addon alone. */
  readonly _malloc: unknown;
  _getImplementedArray(): Uint32Array;
}

interface FuseLibrary {
  readonly Fuse: new (
    path: string,
    operations: FuseOperations,
    options: { timeout: false },
  ) => FuseMarshalling;
  readonly addon: {
    readonly sizeof_fuse_thread_t: number;
    fuse_native_mount(path: string, options: string, thread: Buffer, ...rest: unknown[]): void;
    fuse_native_unmount(path: string, thread: Buffer): void;
  };
}

const DEVICE = '/dev/fuse';
const MNT_FORCE = 1;
const MNT_DETACH = 2;
/** Names, sizes and modes of contents never change while a job lasts. */
const CACHE_TIMEOUT_SECONDS = 365 * 24 * 3600;
/** As much as libfuse 2 takes in one request. */
const READ_MAX_BYTES = 128 * 1024;
const OPTIONS = [
  'ro',
  'allow_other',
  'default_permissions',
  'kernel_cache',
  'fsname=tees',
  `max_read=${READ_MAX_BYTES}`,
  `entry_timeout=${CACHE_TIMEOUT_SECONDS}`,
  `negative_timeout=${CACHE_TIMEOUT_SECONDS}`,
  `attr_timeout=${CACHE_TIMEOUT_SECONDS}`,
];
const THREADS_END_DEADLINE_MS = 2_000;
/** The library cuts longer ones off. */
const PATH_MAX_BYTES = 1000;
const EIO = -osConstants.errno.EIO;

/** Nobody asks any more. */
const ENDED: FuseOperations = {
  getattr: (_path, done) => done(EIO),
  readdir: (_path, done) => done(EIO),
  open: (_path, _flags, done) => done(EIO),
  read: (_path, _handle, _into, _length, _offset, done) => done(EIO),
  release: (_path, _handle, done) => done(0),
};

/** Which mount has which descriptor of the device: numbers are used again at once. */
const owners = new Map<number, FuseMount>();

export class FuseMount {
  readonly #library: FuseLibrary;
  readonly #fuse: FuseMarshalling;
  #descriptors: readonly number[] = [];
  #mounted = false;
  #interrupted: () => void = () => {};

  /** @throws TeesError HOOK_UNAVAILABLE */
  constructor(
    readonly directory: string,
    operations: FuseOperations,
  ) {
    if (Buffer.byteLength(directory) > PATH_MAX_BYTES)
      throw new TeesError('HOOK_UNAVAILABLE', 'the mount point is too long for fuse-native', {
        path: directory,
      });
    this.#library = loadLibrary();
    this.#fuse = new this.#library.Fuse(directory, operations, { timeout: false });
    this.#fuse._thread = Buffer.alloc(this.#library.addon.sizeof_fuse_thread_t);
  }

  /** Resolves when requests are served. */
  async mount(): Promise<void> {
    const fuse = this.#fuse;
    const initialised = new Promise<void>((resolve, reject) => {
      fuse._openCallback = () => resolve();
      this.#interrupted = () => reject(new TeesError('HOOK_FAILED', 'stopped while it was starting'));
    });
    // In one turn of the event loop: nothing can be started that would inherit the descriptor.
    const before = new Set(deviceDescriptors());
    const rest = [fuse, fuse._malloc, fuse._handlers, fuse._getImplementedArray()];
    try {
      this.#library.addon.fuse_native_mount(this.directory, `-o${OPTIONS.join(',')}`, fuse._thread, ...rest);
    } catch (error) {
      throw unavailable('libfuse could not mount (it has said why on standard error)', this.directory, error);
    }
    this.#mounted = true;
    this.#descriptors = deviceDescriptors().filter((fd) => !before.has(fd));
    for (const fd of this.#descriptors) {
      owners.set(fd, this);
      native().setCloseOnExec(fd);
    }
    await initialised;
  }

  /**
   * Aborts the connection: whoever still waits for an answer gets ECONNABORTED, later access ENOTCONN.
   * Resolves when libfuse's threads have ended. Call it once.
   */
  async unmount(): Promise<void> {
    if (!this.#mounted) return;
    this.#interrupted();
    try {
      native().unmount(Buffer.from(this.directory), MNT_FORCE | MNT_DETACH);
    } catch (error) {
      // EINVAL: no mount point (any more). That is what was wanted.
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL')
        throw TeesError.from(error, 'HOOK_FAILED', { path: this.directory });
    }
    for (let waitedMs = 0; this.#isServed() && waitedMs < THREADS_END_DEADLINE_MS; waitedMs += 2)
      await sleep(2);
    for (const fd of this.#descriptors) if (owners.get(fd) === this) owners.delete(fd);
    // Lets the event loop end; the library's own handle keeps it alive until here.
    this.#library.addon.fuse_native_unmount(this.directory, this.#fuse._thread);
    // The library keeps this object for ever, and so would keep what the operations refer to.
    this.#fuse.ops = ENDED;
  }

  /** The last thing that libfuse does is to close the device. */
  #isServed(): boolean {
    const open = new Set(deviceDescriptors());
    return this.#descriptors.some((fd) => owners.get(fd) === this && open.has(fd));
  }
}

function deviceDescriptors(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => linkOf(fd) === DEVICE);
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // Closed meanwhile; the descriptor of the listing itself, for one.
  }
}

let loaded: FuseLibrary | undefined;

/** Only when it is used: most processes never mount anything. */
function loadLibrary(): FuseLibrary {
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw unavailable(`${DEVICE} cannot be opened`, DEVICE, error, 'Run as root, after: modprobe fuse');
  }
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  try {
    const entry = require.resolve('fuse-native');
    const findAddon = createRequire(entry)('node-gyp-build') as (directory: string) => FuseLibrary['addon'];
    loaded = { Fuse: require(entry) as FuseLibrary['Fuse'], addon: findAddon(dirname(entry)) };
    return loaded;
  } catch (error) {
    const hint = 'It needs libfuse.so.2: apt-get install libfuse2';
    throw unavailable('the library fuse-native cannot be loaded', undefined, error, hint);
  }
}

function unavailable(message: string, path: string | undefined, cause: unknown, hint?: string): TeesError {
  const context = { cause, ...(path === undefined ? {} : { path }), ...(hint === undefined ? {} : { hint }) };
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new TeesError('HOOK_UNAVAILABLE', message + reason, context);
}
