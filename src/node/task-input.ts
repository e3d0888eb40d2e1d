/**
 * Standard input on its way into a task. The sender may have only so many bytes on the way (login/input-credit.ts)
 * and is told as the task takes them, so that a task that does not read holds up nothing else on the link.
 */
import type { Writable } from 'node:stream';
import { TeesError } from '../base/errors.js';
import { FRAME_BODY_MAX_BYTES } from '../base/limits.js';

/** Far above any honest sender's window. */
const INPUT_UNTAKEN_MAX_BYTES = FRAME_BODY_MAX_BYTES;

export class TaskInput {
  #stdin: Writable | undefined;
  #ended = false;
  #untakenBytes = 0;
  readonly #waiting: Buffer[] = [];

  /** @param onTaken the task has taken this many bytes */
  constructor(private readonly onTaken: (bytes: number) => void) {}

  attach(stdin: Writable): void {
    this.#stdin = stdin;
    // A task that ends, or closes its input, without reading all of it is no error.
    stdin.on('error', () => {});
    for (const bytes of this.#waiting.splice(0)) this.#write(stdin, bytes);
    if (this.#ended) stdin.end();
  }

  /** @throws TeesError MESSAGE_INVALID when more is on its way than the sender may have there */
  push(bytes: Buffer, eof: boolean): void {
    if (bytes.length > 0) {
      this.#untakenBytes += bytes.length;
      if (this.#untakenBytes > INPUT_UNTAKEN_MAX_BYTES)
        throw new TeesError('MESSAGE_INVALID', 'more standard input came than its window allows');
      if (this.#stdin) this.#write(this.#stdin, bytes);
      else this.#waiting.push(bytes);
    }
    if (eof) this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stdin?.end();
  }

  #write(stdin: Writable, bytes: Buffer): void {
    stdin.write(bytes, (error) => {
      // A task that takes no more gets no more: who has the other end of the pipe waits.
      if (error) return;
      this.#untakenBytes -= bytes.length;
      this.onTaken(bytes.length);
    });
  }
}
