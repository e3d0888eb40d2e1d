/**
 * Output on its way up a tree, by job: a node may have so much on the way to its parent, and is told as the parent
 * takes it. So the output of one job, whose command was stopped for a while, holds up nothing else that shares the
 * links, and nothing grows.
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

  /** The other end has taken it. */
  give(cost: number): void {
    this.#room += cost;
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

  /** @returns what to give back when it is taken. @throws TeesError MESSAGE_INVALID: the window was not kept */
  add(body: Buffer): number {
    const cost = costOf(body);
    this.#cost += cost;
    if (this.#cost <= OUTPUT_WINDOW_BYTES + FRAME_BODY_MAX_BYTES + FRAME_COST_BYTES) return cost;
    throw new TeesError('MESSAGE_INVALID', 'more output was sent than there was room for');
  }

  taken(cost: number): void {
    this.#cost -= cost;
  }
}
