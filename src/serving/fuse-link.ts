/**
 * The daemon's end of a serving process' socket. Servers may be killed and replaced: the connection comes again by
 * itself, and begins anew with what is blocked now.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../base/errors.js';
import { SERVE_GONE_DEADLINE_MS, SOCKET_PATH_MAX_BYTES } from '../base/limits.js';
import { RecordReader, encodeRecord } from './fuse-protocol.js';
import type { Kind, ServeRecord } from './fuse-protocol.js';

export const SERVE_SOCKET = 'serve.sock';
const RETRY_INTERVAL_MS = 10;
/** Pairs that were started one after the other and have said nothing: something is wrong with them, or with the mount. */
const UNHEARD_MAX = 10;

export interface ServeLinkEvents {
  onRecord(record: ServeRecord): void;
  /** There is no server any more. Starts one, if it can: false, or an error, when it cannot. */
  serveAgain(): Promise<boolean>;
  /** There is no server any more, and will be none. */
  onGone(error: TeesError): void;
}

export class ServeLink {
  #socket: Socket | undefined;
  #reader = new RecordReader();
  #closing = false;
  #unheard = 0;
  readonly #ended: Promise<void>;
  #end: () => void = () => {};

  constructor(
    private readonly jobDirectory: string,
    private readonly events: ServeLinkEvents,
  ) {
    this.#ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** @throws TeesError HOOK_FAILED when nobody serves there */
  async open(): Promise<void> {
    const deadline = Date.now() + SERVE_GONE_DEADLINE_MS;
    for (;;) {
      try {
        this.#attach(await dial(this.jobDirectory));
        return;
      } catch (cause) {
        // ECONNREFUSED, ENOENT: the pair has ended. EAGAIN: a server that has much to do.
        const busy = (cause as NodeJS.ErrnoException).code === 'EAGAIN';
        if (!busy || Date.now() > deadline || this.#closing) throw gone(this.jobDirectory, cause);
      }
      await sleep(RETRY_INTERVAL_MS);
    }
  }

  /** Lost when there is no connection at the moment: the next one begins with what is blocked. */
  send(kind: Kind, content = 0, value = 0n): void {
    if (this.#socket?.writable) this.#socket.write(encodeRecord(kind, content, value));
  }

  /** Resolves when the server has ended the stream, which is not to come again. */
  async finish(kind: Kind): Promise<void> {
    this.#closing = true;
    this.send(kind);
    await this.#ended;
  }

  /** The server stays. */
  close(): void {
    this.#closing = true;
    this.#socket?.destroy();
    this.#end();
  }

  #attach(socket: Socket): void {
    if (this.#closing) {
      socket.destroy();
      return this.#end();
    }
    this.#socket = socket;
    this.#reader = new RecordReader();
    socket.on('data', (bytes: Buffer) => this.#receive(socket, bytes));
    socket.on('error', () => {}); // told by 'close'
    socket.on('close', () => this.#lost());
  }

  #receive(socket: Socket, bytes: Buffer): void {
    this.#unheard = 0;
    try {
      for (const record of this.#reader.push(bytes)) this.events.onRecord(record);
    } catch (error) {
      this.#closing = true;
      socket.destroy();
      this.events.onGone(TeesError.from(error, 'HOOK_FAILED', { path: this.jobDirectory }));
    }
  }

  #lost(): void {
    this.#socket = undefined;
    if (this.#closing) return this.#end();
    this.#openAgain().catch((error: unknown) => {
      this.#end();
      if (!this.#closing) this.events.onGone(TeesError.from(error, 'HOOK_FAILED'));
    });
  }

  /** Both of the pair have the socket: who is refused there knows that both have gone. */
  async #openAgain(): Promise<void> {
    for (;;) {
      try {
        return await this.open();
      } catch (error) {
        if (this.#closing || ++this.#unheard > UNHEARD_MAX || !(await this.events.serveAgain())) throw error;
      }
    }
  }
}

/** Long paths do not fit into a socket's address: then by way of a descriptor of the directory. */
async function dial(jobDirectory: string): Promise<Socket> {
  const path = `${jobDirectory}/${SERVE_SOCKET}`;
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX_BYTES) return dialPath(path);
  const directory = openSync(jobDirectory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await dialPath(`/proc/self/fd/${directory}/${SERVE_SOCKET}`);
  } finally {
    closeSync(directory);
  }
}

function dialPath(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function gone(jobDirectory: string, cause: unknown): TeesError {
  return new TeesError('HOOK_FAILED', 'the serving process of the job is not there', {
    path: `${jobDirectory}/${SERVE_SOCKET}`,
    cause,
    hint: 'Submit the job again. Was tees-serve killed, or JOB/served unmounted, by hand?',
  });
}
