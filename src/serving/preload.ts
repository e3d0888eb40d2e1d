/**
 * The hook for nodes without /dev/fuse: a library in the task's programs (hooks/preload) makes each call first, and
 * asks here only when the overlay has answered that a file's content is missing. No answer is ever late by polling.
 *
 * How the overlay says so: its layers are names, the node's root, and two of data alone, the contents and the hook's
 * own directory. There `.tees` is a symbolic link, which overlayfs does not follow, so that what is not among the
 * contents is ELOOP, an error that a regular file has for no other reason; without that layer it would be ENOENT,
 * and each file that does not exist would have to be asked about. A content is looked up again at each open, so
 * once it has arrived nothing remembers that it was missing. Nobody can read anything else than what has arrived:
 * a program that the library does not reach gets the error.
 */
import { closeSync, constants, copyFileSync, mkdirSync, openSync } from 'node:fs';
import { readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { TeesError } from '../base/errors.js';
import { PRELOAD_CONNECTIONS_MAX } from '../base/limits.js';
import type { PeerCredentials } from '../base/native.js';
import { native, preloadLibraryPath } from '../base/native.js';
import type { LayoutName } from '../config/config.js';
import type { UncoveredReason } from '../planning/uncovered.js';
import type { WaitOutcome } from '../store/arrivals.js';
import type { HookContext, HookServer } from './hook.js';
import type { Answer, PreloadRequest } from './preload-protocol.js';
import { REQUEST_BYTES, decodeRequest, encodeReply } from './preload-protocol.js';
import type { EnvironmentDevice } from './preload-peers.js';
import { deviceOfPeer } from './preload-peers.js';

/** Where the launcher mounts the hook's directory inside; hooks/preload/protocol.h has the same. */
export const PRELOAD_DIRECTORY = '/.tees';
/** On each file of the names layer, what it refers to; overlayfs copies it up with the file. Nobody inside sees it. */
export const CONTENT_LABEL = 'trusted.tees.content';

/** The hook's directory of a job, beside its layers: the libraries, the socket, and `complete` in the end. */
export function preloadDirectory(servedDirectory: string): string {
  return join(dirname(servedDirectory), 'preload');
}

/** @throws TeesError HOOK_UNAVAILABLE when another layout is asked for */
export function preloadLayout(asked: string): LayoutName {
  if (asked === 'auto' || asked === 'data-only') return 'data-only';
  throw new TeesError('HOOK_UNAVAILABLE', `the preload hook cannot work in the layout ${asked}`, {
    hint: 'Take the layout data-only, or auto.',
  });
}

/** The task's variables with the libraries in front of the user's own. */
export function preloadVariables(env: Readonly<Record<string, string>>): Record<string, string> {
  const before = (name: string, library: string): string =>
    [`${PRELOAD_DIRECTORY}/${library}`, env[name]].filter(Boolean).join(':');
  return {
    ...env,
    LD_PRELOAD: before('LD_PRELOAD', 'preload.so'),
    LD_AUDIT: before('LD_AUDIT', 'audit.so'),
  };
}

interface Waiters {
  readonly sockets: Set<Socket>;
  readonly wake: (outcome: WaitOutcome) => void;
}

/** Who was interrupted by a signal asks again at once; the wait goes on meanwhile. */
const ABANDONED_AFTER_MS = 1_000;

export class PreloadHook implements HookServer {
  /** Files are opened natively. */
  static readonly REPORTS_HOLES = true;
  readonly engine = 'preload';
  readonly reportsHoles = PreloadHook.REPORTS_HOLES;
  readonly #directory: string;
  readonly #sockets = new Set<Socket>();
  /** Who waits for a content: one wait for all of them, however often they come and go. */
  readonly #waiting = new Map<number, Waiters>();
  #failing = false;
  #server: Server | undefined;

  constructor(private readonly context: HookContext) {
    this.#directory = preloadDirectory(context.directory);
  }

  /** @throws TeesError HOOK_UNAVAILABLE */
  async start(): Promise<void> {
    refuseOldKernel(release());
    try {
      mkdirSync(this.#directory, { mode: 0o755 });
      for (const name of ['preload', 'audit'] as const)
        copyFileSync(preloadLibraryPath(name), join(this.#directory, `${name}.so`));
      symlinkSync('missing', join(this.context.directory, '.tees'));
      await this.#listen();
    } catch (cause) {
      throw unavailable(cause, this.#directory);
    }
    this.context.arrivals.waitForAll((outcome) => outcome === 'arrived' && this.#sayComplete());
  }

  /** Who has waited meanwhile asks again. The libraries stay as they are: programs run with them. */
  async resume(): Promise<void> {
    try {
      await this.#listen();
    } catch (cause) {
      throw TeesError.from(cause, 'HOOK_FAILED', { path: this.#directory });
    }
    this.context.arrivals.waitForAll((outcome) => outcome === 'arrived' && this.#sayComplete());
  }

  fail(): void {
    this.#failing = true;
    for (const socket of [...this.#sockets]) this.#answer(socket, 'failed');
  }

  unfail(): void {
    this.#failing = false;
  }

  /** Without an answer: who waits tries again until somebody answers. */
  detach(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.fail();
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** By a short path: a socket's may have 107 bytes. */
  async #listen(): Promise<void> {
    rmSync(join(this.#directory, 'socket'), { force: true });
    const fd = openSync(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    // A job cannot take all of the daemon's descriptors.
    server.maxConnections = PRELOAD_CONNECTIONS_MAX;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        // Every user may connect; the directory is seen in this job's environment only.
        const path = `/proc/self/fd/${fd}/socket`;
        server.listen({ path, readableAll: true, writableAll: true }, resolve);
      });
      // No descriptor left to accept with, for one: who waits asks again.
      server.on('error', () => {});
      this.#server = server;
    } finally {
      closeSync(fd);
    }
  }

  #sayComplete(): void {
    try {
      writeFileSync(join(this.#directory, 'complete'), '');
    } catch {
      // The job is over, or its file system full: then nobody hears of it, and nothing else changes.
    }
  }

  #accept(socket: Socket): void {
    let received = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      for (const [content, { sockets }] of this.#waiting)
        if (sockets.delete(socket) && sockets.size === 0) this.#abandonSoon(content);
    });
    socket.on('end', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes.subarray(0, REQUEST_BYTES + 1)]);
      if (received.length < REQUEST_BYTES) return;
      socket.removeAllListeners('data').resume();
      this.#serve(socket, decodeRequest(received));
    });
  }

  #serve(socket: Socket, request: PreloadRequest | undefined): void {
    const peer = peerOf(socket);
    const { job } = this.context;
    const device = peer && request && job && deviceOfPeer(peer, job);
    if (!peer || !device || !request) return this.#answer(socket, 'refused');
    if (request.kind === 'all') this.#waitForAll(socket, peer, request);
    else this.#waitForFile(socket, contentOf(peer, device, request));
  }

  #waitForAll(socket: Socket, peer: PeerCredentials, request: PreloadRequest): void {
    const { arrivals } = this.context;
    const reason = request.reason as UncoveredReason;
    if (!arrivals.complete) this.context.onUncovered?.({ path: pathOf(peer, request), reason });
    arrivals.waitForAll((outcome) => {
      if (outcome === 'arrived') this.#sayComplete();
      this.#answer(socket, outcome);
    });
  }

  #waitForFile(socket: Socket, content: number | undefined): void {
    const { arrivals, contentCount } = this.context;
    if (content === undefined || content >= contentCount) return this.#answer(socket, 'unknown');
    if (arrivals.isHere(content)) return this.#answer(socket, 'here');
    if (this.#failing) return this.#answer(socket, 'failed');
    const waiting = this.#waiting.get(content);
    if (waiting) return void waiting.sockets.add(socket);
    const sockets = new Set([socket]);
    const wake = (outcome: WaitOutcome): void => {
      this.#waiting.delete(content);
      for (const waiter of sockets) this.#answer(waiter, outcome);
    };
    this.#waiting.set(content, { sockets, wake });
    arrivals.wait(content, wake);
  }

  #abandonSoon(content: number): void {
    const abandon = (): void => {
      const waiting = this.#waiting.get(content);
      if (waiting === undefined || waiting.sockets.size > 0) return;
      this.#waiting.delete(content);
      this.context.arrivals.cancel(content, waiting.wake);
    };
    setTimeout(abandon, ABANDONED_AFTER_MS).unref();
  }

  #answer(socket: Socket, answer: Answer): void {
    if (!this.#sockets.delete(socket)) return;
    socket.end(encodeReply(answer), () => socket.destroy());
  }
}

/** @throws TeesError HOOK_UNAVAILABLE; exported for tests */
export function refuseOldKernel(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 6 || (major === 6 && minor >= 5)) return;
  throw new TeesError('HOOK_UNAVAILABLE', `the preload hook needs Linux 6.5, this is ${version}`, {
    hint: 'Its layout needs data-only lower layers. With /dev/fuse on the nodes, use --hook fuse.',
  });
}

function peerOf(socket: Socket): PeerCredentials | undefined {
  try {
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    return native().peerCredentials(fd);
  } catch {
    return undefined; // It has gone.
  }
}

function contentOf(
  { pid }: PeerCredentials,
  { major, minor }: EnvironmentDevice,
  { descriptor }: PreloadRequest,
): number | undefined {
  const label = native().fileLabel(pid, descriptor, major, minor, CONTENT_LABEL)?.toString('latin1');
  return label !== undefined && /^\d{1,10}$/.test(label) ? Number(label) : undefined;
}

/** For the report. */
function pathOf({ pid }: PeerCredentials, { descriptor }: PreloadRequest): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return '?';
  }
}

function unavailable(cause: unknown, path: string): TeesError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new TeesError('HOOK_UNAVAILABLE', `the preload hook cannot be set up: ${message}`, { path, cause });
}
