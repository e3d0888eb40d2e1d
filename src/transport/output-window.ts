/**
 * Output on its way up a tree, by job: a node may have so much on the way, and has room again as it is settled
 * (job-channel.ts). So the output of one job, whose command was stopped for a while, holds up nothing else that shares
 * the links, and nothing grows: neither what is on the way, nor what is kept to be sent again.
 */
import { TeesError } from '../base/errors.js';
import { FRAME_BODY_MAX_BYTES, OUTPUT_WINDOW_BYTES } from '../base/limits.js';

/** What a frame costs beside its body, so that many small ones are bounded, too. */
const FRAME_COST_BYTES = 256;

function costOf(body: Buffer): number {
  return body.length + FRAME_COST_BYTES;
}

/** The sender's side. */
export class OutputWindow {
  #room = OUTPUT_WINDOW_BYTES;
  #released = false;
  readonly #waiting: { cost: number; go: () => void }[] = [];

  /** A promise while there is no room; then in turn. The last frame may exceed the window. */
  take(body: Buffer): void | Promise<void> {
    if (this.#released) return;
    const cost = costOf(body);
    if (this.#waiting.length > 0 || this.#room <= 0)
      return new Promise((go) => this.#waiting.push({ cost, go }));
    this.#room -= cost;
  }

  /** It is settled. */
  give(body: Buffer): void {
    this.#room += costOf(body);
    while (this.#room > 0) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#room -= next.cost;
      next.go();
    }
  }

  /** Nobody takes any more: who waits, now or later, goes on. */
  release(): void {
    this.#released = true;
    for (const { go } of this.#waiting.splice(0)) go();
  }
}

/** The receiver's side, for one sender. */
export class OutputBacklog {
  #cost = 0;

  constructor(private readonly maxBytes = OUTPUT_WINDOW_BYTES) {}

  /** @throws TeesError MESSAGE_INVALID: the window was not kept */
  add(body: Buffer): void {
    this.#cost += costOf(body);
    if (this.#cost <= this.maxBytes + FRAME_BODY_MAX_BYTES + FRAME_COST_BYTES) return;
    throw new TeesError('MESSAGE_INVALID', 'more output was sent than there was room for');
  }

  settled(body: Buffer): void {
    this.#cost -= costOf(body);
  }
}
