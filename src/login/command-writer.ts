/**
 * What the login daemon says to one command. Output has pressure: a command that does not take it slows its tasks down,
 * and nothing grows here.
 */
import type { Socket } from 'node:net';
import { COMMAND_QUEUE_HIGH_BYTES } from '../base/limits.js';
import type { DaemonMessage } from '../wire/api.js';
import { encodeFrame } from '../wire/frame.js';
import type { Header } from '../wire/frame.js';
import type { AnyAnswer } from './questions.js';

export class CommandWriter {
  /** Those who wait for the command to take its output. */
  readonly #blocked = new Set<() => void>();
  #waits = true;

  constructor(private readonly socket: Socket) {
    socket
      .on('error', () => {})
      .on('drain', () => this.#releaseBlocked())
      .on('close', () => this.#releaseBlocked());
  }

  /** It has not taken yet what was said before. */
  get isBehind(): boolean {
    return this.socket.writableNeedDrain;
  }

  send(message: AnyAnswer, body?: Buffer): void {
    if (this.socket.writable) this.socket.write(encodeFrame(message as unknown as Header, body));
  }

  /** A promise while more is queued than should be. */
  output(message: DaemonMessage, bytes: Buffer): void | Promise<void> {
    this.send(message, bytes);
    if (this.socket.writableLength < COMMAND_QUEUE_HIGH_BYTES || !this.socket.writable || !this.#waits)
      return;
    return new Promise((resolve) => this.#blocked.add(resolve));
  }

  /** Nobody waits any more for the command to take its output. */
  stopWaiting(): void {
    this.#waits = false;
    this.#releaseBlocked();
  }

  #releaseBlocked(): void {
    for (const resolve of this.#blocked) resolve();
    this.#blocked.clear();
  }
}
