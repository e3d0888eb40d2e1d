/**
 * Standard input on its way into a task. The sender may have only so many bytes on the way (login/input-credit.ts),
 * which are settled as the task takes them, so that a task that does not read holds up nothing else on the link.
 * What comes twice, as it may when a daemon on the way was started again, is passed over.
 */
import type { Writable } from 'node:stream';
import { TeesError } from '../base/errors.js';
import { FRAME_BODY_MAX_BYTES } from '../base/limits.js';
import type { Settle } from '../transport/job-channel.js';

/** Far above any honest sender's window. */
const INPUT_UNTAKEN_MAX_BYTES = FRAME_BODY_MAX_BYTES;

interface Piece {
  readonly at: number;
  readonly bytes: Buffer;
  readonly settled: Settle;
}

export class TaskInput {
  #stdin: Writable | undefined;
  #ended = false;
  #untakenBytes = 0;
  /** Passed on to the task, by this daemon or an earlier one. */
  #passedBytes = 0;
  readonly #waiting: Piece[] = [];

  /** @param from so many bytes had reached the task by an earlier daemon */
  attach(stdin: Writable, from: number): void {
    this.#stdin = stdin;
    this.#passedBytes = from;
    // A task that ends, or closes its input, without reading all of it is no error.
    stdin.on('error', () => {});
    for (const piece of this.#waiting.splice(0)) this.#pass(stdin, piece);
    if (this.#ended) stdin.end();
  }

  /**
   * @param at so many bytes were before these
   * @throws TeesError MESSAGE_INVALID when more is on its way than the sender may have there
   */
  push(at: number, bytes: Buffer, eof: boolean, settled: Settle): void {
    this.#untakenBytes += bytes.length;
    if (this.#untakenBytes > INPUT_UNTAKEN_MAX_BYTES)
      throw new TeesError('MESSAGE_INVALID', 'more standard input came than its window allows');
    const piece = { at, bytes, settled };
    if (this.#stdin) this.#pass(this.#stdin, piece);
    else this.#waiting.push(piece);
    if (eof) this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stdin?.end();
  }

  #pass(stdin: Writable, { at, bytes, settled }: Piece): void {
    const fresh = bytes.subarray(Math.max(0, this.#passedBytes - at));
    const taken = (): void => {
      this.#untakenBytes -= bytes.length;
      settled();
    };
    if (fresh.length === 0) return taken();
    this.#passedBytes = at + bytes.length;
    stdin.write(fresh, (error) => {
      // A task that takes no more gets no more: who has the other end of the pipe waits.
      if (!error) taken();
    });
  }
}
