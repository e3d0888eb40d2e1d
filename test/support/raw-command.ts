/** A connection to a login daemon's socket, as this process, that says byte for byte what a test wants. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { FrameDecoder, encodeFrame } from '../../src/wire/frame.js';
import type { Frame, Header } from '../../src/wire/frame.js';
import { eventually } from './tees.js';

export class RawCommand {
  readonly heard: Header[] = [];
  /** What tasks have said. */
  output = '';
  readonly closed: Promise<unknown>;
  readonly #socket: Socket;

  constructor(path: string) {
    this.#socket = connect(path).on('error', () => {});
    this.closed = once(this.#socket, 'close').catch(() => {});
    const decoder = new FrameDecoder();
    this.#socket.on('data', (bytes) => {
      for (const frame of decoder.push(bytes)) this.#hear(frame);
    });
  }

  #hear({ header, body }: Frame): void {
    this.heard.push(header);
    if (header['t'] === 'output') this.output += body.toString();
  }

  send(message: Header, body?: Buffer): void {
    this.sendBytes(encodeFrame(message, body));
  }

  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** The first message of this kind, when it has come. */
  hears(kind: string): Promise<Header> {
    return eventually(`a message '${kind}' among ${JSON.stringify(this.heard)}`, () =>
      this.heard.find(({ t }) => t === kind),
    );
  }

  /** Takes nothing any more, until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.#socket.destroy();
  }
}
