/** A node that knows the cluster key, takes part in a login daemon's job, and says to it whatever a test wants it to. */
import type { ExecutionContext } from 'ava';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { Acceptor, keyProver } from '../../src/wire/authentication.js';
import { FrameDecoder, encodeFrame } from '../../src/wire/frame.js';
import type { Frame, Header } from '../../src/wire/frame.js';
import { eventually } from './tees.js';

export class HostileChild {
  /** By the last connection. */
  heard: Header[] = [];
  #socket: Socket | undefined;
  #closed = true;

  private constructor(
    private readonly self: string,
    private readonly key: Buffer,
  ) {}

  static async start(
    t: ExecutionContext,
    self: string,
    key: Buffer,
    at: { host: string; port: number },
  ): Promise<HostileChild> {
    const child = new HostileChild(self, key);
    const server = createServer((socket) => child.#accept(socket));
    await new Promise<void>((resolve) => server.listen(at.port, at.host, resolve));
    t.teardown(() => {
      server.close();
      child.#socket?.destroy();
    });
    return child;
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    this.#closed = false;
    this.heard = [];
    const acceptor = new Acceptor(keyProver(this.key), this.self);
    const decoder = new FrameDecoder();
    let isOpen = false;
    const hear = ({ header }: Frame): void => {
      if (isOpen) return void this.heard.push(header);
      // The other end waits for each answer.
      void acceptor.receive(header).then(({ reply, peer }) => {
        if (reply) socket.write(encodeFrame(reply));
        isOpen = peer !== undefined;
      });
    };
    socket
      .on('error', () => {})
      .on('close', () => (this.#closed ||= this.#socket === socket))
      .on('data', (bytes) => {
        for (const frame of decoder.push(bytes)) hear(frame);
      });
  }

  /** The job that it is asked to take part in. */
  async job(): Promise<string> {
    const header = await eventually('a job for the hostile child', () =>
      this.#closed ? undefined : this.heard.find(({ t }) => t === 'job'),
    );
    return header['job'] as string;
  }

  /** When it is told that the job is over. */
  async end(): Promise<void> {
    await eventually('the end of the job', () => this.heard.some(({ t }) => t === 'end'));
  }

  send(header: Header, body?: Buffer): void {
    this.sendBytes(encodeFrame(header, body));
  }

  sendBytes(bytes: Buffer): void {
    this.#socket?.write(bytes);
  }

  /** Why the daemon has closed the connection, in its words, once it has. */
  async refusal(): Promise<{ code: string; message: string }> {
    await eventually('the end of the link', () => this.#closed);
    const refused = this.heard.find(({ t }) => t === 'refused');
    return (refused?.['error'] ?? { code: 'NONE', message: JSON.stringify(this.heard) }) as {
      code: string;
      message: string;
    };
  }

  leave(): void {
    this.#socket?.destroy();
  }
}
