/**
 * How much of each node's output has come. What comes twice, as it may when a daemon on the way was started again, is
 * passed over. Pure.
 */
import type { OutputPlace } from '../wire/messages.js';

export class OutputProgress {
  readonly #nextByte = new Map<string, number>();

  /** @returns what had not come before; undefined when all of it had */
  fresh({ node, stream, at }: OutputPlace, bytes: Buffer): Buffer | undefined {
    const key = `${stream} ${node}`;
    const next = Math.max(at, this.#nextByte.get(key) ?? 0);
    const end = at + bytes.length;
    if (end <= next) return undefined;
    this.#nextByte.set(key, end);
    return bytes.subarray(next - at);
  }
}
