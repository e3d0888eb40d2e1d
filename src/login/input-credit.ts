/**
 * Standard input on its way from the command to the first node's task: never more than a window, whoever of the
 * two would like it otherwise.
 */
import { TeesError } from '../base/errors.js';

const WINDOW_BYTES = 64 * 1024;

export class InputCredit {
  /** That the command may send. */
  #roomBytes = 0;
  #sentBytes = 0;
  #opened = false;

  /** @returns how much more the command may send: the window, once */
  open(): number {
    if (this.#opened) return 0;
    this.#opened = true;
    this.#roomBytes = WINDOW_BYTES;
    return WINDOW_BYTES;
  }

  /** @returns how many bytes were sent before. @throws TeesError MESSAGE_INVALID */
  spend(bytes: number): number {
    if (bytes > this.#roomBytes)
      throw new TeesError('MESSAGE_INVALID', 'more standard input was sent than there was credit for');
    this.#roomBytes -= bytes;
    this.#sentBytes += bytes;
    return this.#sentBytes - bytes;
  }

  /** The task has taken it, and the command may send as much again. */
  taken(bytes: number): void {
    this.#roomBytes += bytes;
  }
}
