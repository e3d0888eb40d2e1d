/**
 * A link: one authenticated, persistent connection between two daemons. Frames are handled one after the other;
 * while a handler's promise is pending nothing more is read, which is how pressure travels back to the sender.
 */
import type { OnReadOpts, Socket } from 'node:net';
import { TeesError } from '../base/errors.js';
import {
  AUTHENTICATION_DEADLINE_MS,
  FRAME_UNAUTHENTICATED_MAX_BYTES,
  LINK_PINGS_MIN,
  LINK_PING_INTERVAL_MAX_MS,
  LINK_QUEUE_HIGH_BYTES,
  LINK_UNREAD_MAX_BYTES,
  LINK_UNSENT_MAX_BYTES,
} from '../base/limits.js';
import { native } from '../base/native.js';
import { FrameDecoder, encodeHead } from '../wire/frame.js';
import type { Frame, Header } from '../wire/frame.js';
import type { Step } from '../wire/authentication.js';
import { Fields } from '../wire/fields.js';
import { SendQueue } from './send-queue.js';
import type { SendClass } from './send-queue.js';

export type FrameHandler = (frame: Frame) => void | Promise<void>;

/** Either side of the handshake (wire/authentication.ts). */
export interface Handshake {
  receive(header: Header): Promise<Step>;
  /** The connector speaks first. */
  hello?(): Header;
}

export interface LinkEvents {
  /** Authenticated. Frames go to the handler that is returned. */
  opened(link: Link): FrameHandler;
  closed(link: Link, error: TeesError | undefined): void;
}

/** Makes the socket, which gives what it reads to `onRead` in a buffer that is used again (net.Socket, onread). */
export type SocketFactory = (onread: OnReadOpts) => Socket;

const READ_BUFFER_BYTES = 128 * 1024;

export class Link {
  /** The name that the other end has proved; '' before. */
  peer = '';
  bytesSent = 0;
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder({
    headerMaxBytes: FRAME_UNAUTHENTICATED_MAX_BYTES,
    bodyMaxBytes: 0,
  });
  readonly #timers: NodeJS.Timeout[];
  #handler: FrameHandler | undefined;
  #failure: TeesError | undefined;
  /** The socket is gone. `closed` is said when the handler that was at work has finished, too. */
  #gone = false;
  #closed = false;
  #heard = true;
  #spoke = true;
  #handling = false;
  #silentIntervals = 0;
  readonly #silentIntervalsMax: number;
  /** Frames that wait for the socket. */
  readonly #waiting = new SendQueue<() => void>();

  constructor(
    open: SocketFactory,
    private readonly handshake: Handshake,
    private readonly events: LinkEvents,
    private readonly silenceDeadlineMs: number,
  ) {
    const pingIntervalMs = Math.min(LINK_PING_INTERVAL_MAX_MS, silenceDeadlineMs / LINK_PINGS_MIN);
    this.#silentIntervalsMax = Math.ceil(silenceDeadlineMs / pingIntervalMs);
    this.#socket = open({
      buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
      callback: (count, buffer) => this.#onRead(Buffer.from(buffer.buffer, buffer.byteOffset, count)),
    });
    this.#socket
      .setNoDelay(true)
      .on('error', (error) => this.#fail(error))
      .on('drain', () => this.#sendBulk())
      .on('end', () => this.#onEnd())
      .on('close', () => this.#onGone());
    if (this.#socket.connecting) this.#socket.once('connect', () => limitQueues(this.#socket));
    else limitQueues(this.#socket);
    const hello = handshake.hello?.();
    if (hello) this.post(hello);
    this.#timers = [
      setTimeout(() => this.#deadlineMissed(), AUTHENTICATION_DEADLINE_MS),
      setInterval(() => this.#keepAlive(), pingIntervalMs),
    ];
  }

  get isOpen(): boolean {
    return !this.#gone && !this.#socket.destroyed && !this.#failure && this.peer !== '';
  }

  /**
   * Sends a frame that may wait: what is posted passes it, and others that are more urgent do. Resolves when the link
   * would take another; never rejects: a lost link is told by `closed`.
   * @param written called when the body is no more needed, whether it was sent or not
   */
  send(header: Header, body?: Buffer, written?: () => void, kind: SendClass = 'later'): Promise<void> {
    if (this.#waiting.isFree(kind) && this.#hasRoom) {
      this.post(header, body, written);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(kind, () => {
        this.post(header, body, written);
        resolve();
      });
    });
  }

  get #hasRoom(): boolean {
    return this.#gone || this.#socket.writableLength < LINK_QUEUE_HIGH_BYTES;
  }

  #sendBulk(): void {
    while (this.#hasRoom) {
      const send = this.#waiting.next();
      if (!send) return;
      send();
    }
  }

  /** Sends a small frame without waiting. */
  post(header: Header, body?: Buffer, written: () => void = () => {}): void {
    if (this.#gone || !this.#socket.writable) return written();
    this.#spoke = true;
    const head = encodeHead(header, body?.length ?? 0);
    this.bytesSent += head.length + (body?.length ?? 0);
    if (!body || body.length === 0) {
      this.#socket.write(head, written);
      return;
    }
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.write(body, written);
    this.#socket.uncork();
  }

  /** Ends the link; what was sent before still arrives. */
  close(): void {
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  /** Ends the link at once. */
  destroy(error?: TeesError): void {
    this.#failure ??= error;
    this.#socket.destroy();
  }

  /** @returns whether to go on reading; the buffer is used again then */
  #onRead(bytes: Buffer): boolean {
    // After a refusal: what is not read would cost the other end what it is told.
    if (this.#failure) return true;
    this.#heard = true;
    return this.#handleAll(this.#decoder.push(bytes));
  }

  #handleAll(frames: Iterator<Frame, void, undefined>): boolean {
    try {
      for (let next = frames.next(); !next.done; next = frames.next()) {
        if (this.#failure) return false;
        const handled = this.#handle(next.value);
        if (!handled) continue;
        this.#handling = true;
        Promise.resolve(handled).then(
          () => this.#handled(frames),
          (error: unknown) => {
            this.#handling = false;
            this.#refuse(error);
          },
        );
        return false;
      }
      return true;
    } catch (error) {
      this.#refuse(error);
      return false;
    }
  }

  #handled(frames: Iterator<Frame, void, undefined>): void {
    this.#handling = false;
    this.#heard = true;
    if (this.#gone) return this.#sayClosed();
    if (this.#handleAll(frames)) this.#socket.resume();
  }

  #handle(frame: Frame): void | Promise<void> {
    if (!this.#handler) return this.#authenticate(frame);
    if (frame.header['t'] === 'ping') return;
    if (frame.header['t'] === 'refused') return this.destroy(refusal(frame.header, this.peer));
    return this.#handler(frame);
  }

  /** What came cannot be acted on: the other end is told why, and nothing more is heard. */
  #refuse(error: unknown): void {
    const thrown = TeesError.from(error, 'MESSAGE_INVALID');
    const failure = this.peer ? thrown.of(this.peer) : thrown;
    if (!this.#failure) this.post({ t: 'refused', error: failure.toRecord() });
    this.#failure ??= failure;
    this.close();
    setImmediate(() => this.#socket.resume());
    if (this.#gone && !this.#handling) this.#sayClosed();
  }

  #onEnd(): void {
    if (this.#decoder.inFrame)
      this.#fail(
        new TeesError(
          'FRAME_TRUNCATED',
          'the connection ended within a frame',
          this.peer ? { node: this.peer } : {},
        ),
      );
    else this.#socket.destroy();
  }

  #fail(error: unknown): void {
    this.destroy(error instanceof TeesError ? error : lost(this.peer, error));
    if (this.#gone && !this.#handling) this.#sayClosed();
  }

  #onGone(): void {
    this.#gone = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#sendBulk();
    if (!this.#handling) this.#sayClosed();
  }

  #sayClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.events.closed(this, this.#failure);
  }

  async #authenticate(frame: Frame): Promise<void> {
    const step = await this.handshake.receive(frame.header).catch((error: unknown) => {
      throw TeesError.from(error, 'AUTHENTICATION_FAILED');
    });
    if (this.#gone) return;
    if (step.reply) this.post(step.reply);
    if (step.peer === undefined) return;
    this.peer = step.peer;
    this.#decoder.setLimits();
    this.#handler = this.events.opened(this);
  }

  #deadlineMissed(): void {
    if (this.peer === '')
      this.destroy(new TeesError('AUTHENTICATION_TIMEOUT', 'the other end did not authenticate'));
  }

  /** A ping when nothing else was said; the end when the other side has said nothing for too long. */
  #keepAlive(): void {
    if (this.peer === '') return;
    if (!this.#spoke) this.post({ t: 'ping' });
    this.#spoke = false;
    this.#silentIntervals = this.#heard || this.#handling ? 0 : this.#silentIntervals + 1;
    this.#heard = false;
    if (this.#silentIntervals < this.#silentIntervalsMax) return;
    this.destroy(
      new TeesError('LINK_SILENT', `${this.peer} has been silent for ${this.silenceDeadlineMs / 1000} s`, {
        node: this.peer,
        hint: 'Is the node up, and its daemon running?',
      }),
    );
  }
}

/** What the kernel has taken can no more be passed by what is urgent: an end, a file that somebody waits for. */
function limitQueues(socket: Socket): void {
  const fd = (socket as unknown as { _handle: { fd: number } | null })._handle?.fd ?? -1;
  // Otherwise it is gone already.
  if (fd >= 0) native().limitQueues(fd, LINK_UNSENT_MAX_BYTES, LINK_UNREAD_MAX_BYTES);
}

function lost(peer: string, cause: unknown): TeesError {
  const why = cause instanceof Error ? cause.message : String(cause);
  if (!peer) return new TeesError('LINK_LOST', why, { cause });
  return new TeesError('LINK_LOST', `the connection to ${peer} broke: ${why}`, {
    node: peer,
    cause,
    hint: 'Is the node up, and its daemon running? See its log.',
  });
}

/** The other end's reason, in its words. */
function refusal(header: Header, peer: string): TeesError {
  const { code, message } = new Fields(header).errorRecord('error');
  return new TeesError(code, `${peer} refused: ${message}`, { node: peer });
}
