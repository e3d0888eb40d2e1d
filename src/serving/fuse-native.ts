/**
 * The blocking hook over FUSE with the library fuse-native: serves `/.tees/ID`, read-only.
 *
 * An open of what has not arrived waits; nothing else ever does. A read that waited would hold a folio lock, and a
 * copy-up or a mapping behind it could not even be killed. The library has a thread wait for each blocked open
 * and asks JavaScript for everything, so the process that serves must never touch the mount itself.
 *
 * A process that waits here cannot be killed before its open is answered (libfuse 2 does not pass interrupts on):
 * who ends a job stops the hook, or lets the arrivals fail, before waiting for the job's processes to go.
 */
import { constants } from 'node:os';
import { openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../base/errors.js';
import { DescriptorCache } from '../store/descriptor-cache.js';
import type { HookContext, HookServer } from './hook.js';
import { FuseMount } from './fuse-mount.js';
import type { FuseOperations, FuseStat } from './fuse-mount.js';
import { refuseRequestTimeouts } from './fuse-settings.js';

export interface FuseStats {
  /** Names asked for: once each, then the kernel knows. */
  readonly lookups: number;
  readonly opens: number;
  /** Opens that had to wait. */
  readonly blockedOpens: number;
  readonly reads: number;
  readonly bytesRead: number;
}

const EIO = -constants.errno.EIO;
const ENOENT = -constants.errno.ENOENT;
const CONTENT_PREFIX = '/.tees/';
const OPEN_FILES_MAX = 64;
/** Time for the answers to blocked opens to leave, before the connection is aborted. */
const ANSWER_GRACE_MS = 20;
const DIRECTORY = stat(0o040555, 0, 2);

export class FuseNativeHook implements HookServer {
  /** libfuse 2 has no lseek. */
  static readonly REPORTS_HOLES = false;
  readonly engine = 'fuse-native';
  readonly reportsHoles = FuseNativeHook.REPORTS_HOLES;
  readonly #stats = { lookups: 0, opens: 0, blockedOpens: 0, reads: 0, bytesRead: 0 };
  /** How many handles of a content are open. */
  readonly #handles = new Map<number, number>();
  readonly #blocked = new Set<() => void>();
  readonly #files: DescriptorCache;
  #mount: FuseMount | undefined;
  #stopping: Promise<void> | undefined;
  #failing = false;

  constructor(private readonly context: HookContext) {
    this.#files = new DescriptorCache(OPEN_FILES_MAX, (content) => openSync(context.pathOf(content), 'r'));
  }

  get stats(): FuseStats {
    return { ...this.#stats };
  }

  /** @throws TeesError HOOK_UNAVAILABLE */
  async start(): Promise<void> {
    if (this.#stopping) throw new TeesError('HOOK_FAILED', 'the hook was stopped already');
    refuseRequestTimeouts();
    this.#mount = new FuseMount(this.context.directory, this.#operations());
    await this.#mount.mount();
  }

  /** Its threads are this process's own. */
  resume(): Promise<void> {
    const hint = 'The engine tees outlives its daemon.';
    return Promise.reject(
      new TeesError('HOOK_FAILED', 'a mount through fuse-native ends with the daemon that made it', { hint }),
    );
  }

  detach(): void {}

  fail(): void {
    this.#failing = true;
    for (const fail of [...this.#blocked]) fail();
  }

  unfail(): void {
    this.#failing = false;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    const waited = this.#blocked.size > 0;
    for (const fail of [...this.#blocked]) fail();
    if (waited) await sleep(ANSWER_GRACE_MS);
    try {
      await this.#mount?.unmount();
    } finally {
      this.#files.close();
    }
  }

  #operations(): FuseOperations {
    return {
      getattr: (path, done) => {
        if (path === '/' || path === '/.tees') return done(0, DIRECTORY);
        const content = this.#contentAt(path);
        if (content === undefined) return done(ENOENT);
        this.#stats.lookups++;
        done(0, stat(0o100444, this.context.sizeOf(content), 1));
      },
      // Names are the names layer's business: who knows an ID asks for it.
      readdir: (path, done) => done(0, path === '/' ? ['.', '..', '.tees'] : ['.', '..']),
      open: (path, _flags, done) => {
        const content = this.#contentAt(path);
        if (content === undefined) return done(ENOENT);
        this.#open(content, done);
      },
      // Never 0, which the library takes for "no handle".
      read: (_path, handle, into, length, offset, done) => done(this.#read(handle - 1, into, length, offset)),
      release: (_path, handle, done) => {
        this.#release(handle - 1);
        done(0);
      },
    };
  }

  #contentAt(path: string): number | undefined {
    if (!path.startsWith(CONTENT_PREFIX)) return undefined;
    const digits = path.slice(CONTENT_PREFIX.length);
    const content = Number(digits);
    const known = Number.isInteger(content) && content >= 0 && content < this.context.contentCount;
    return known && String(content) === digits ? content : undefined;
  }

  #open(content: number, done: (result: number, handle?: number) => void): void {
    this.#stats.opens++;
    const gone = this.#stopping !== undefined || this.#failing;
    if (gone && !this.context.arrivals.isHere(content)) return done(EIO);
    let answered = false;
    const answer = (outcome: 'arrived' | 'failed'): void => {
      if (answered) return;
      answered = true;
      this.#blocked.delete(fail);
      if (outcome === 'failed') return done(EIO);
      this.#handles.set(content, (this.#handles.get(content) ?? 0) + 1);
      done(0, content + 1);
    };
    const fail = (): void => answer('failed');
    this.context.arrivals.wait(content, answer);
    if (answered) return;
    this.#stats.blockedOpens++;
    this.#blocked.add(fail);
  }

  /** Synchronously: from memory or the page cache that takes microseconds, a trip to the thread pool takes more. */
  #read(content: number, into: Buffer, length: number, offset: number): number {
    try {
      const file = this.#files.use(content);
      try {
        const bytes = readSync(file.fd, into, 0, length, offset);
        this.#stats.reads++;
        this.#stats.bytesRead += bytes;
        // The kernel would make zeros of what is missing.
        const expected = Math.min(length, this.context.sizeOf(content) - offset);
        return bytes < expected ? EIO : bytes;
      } finally {
        this.#files.done(file);
      }
    } catch {
      return EIO;
    }
  }

  #release(content: number): void {
    const left = (this.#handles.get(content) ?? 1) - 1;
    if (left > 0) {
      this.#handles.set(content, left);
      return;
    }
    this.#handles.delete(content);
    this.#files.drop(content);
  }
}

function stat(mode: number, size: number, nlink: number): FuseStat {
  const times = { atime: 0, mtime: 0, ctime: 0 };
  return { mode, size, blocks: Math.ceil(size / 512), nlink, uid: 0, gid: 0, ...times };
}
