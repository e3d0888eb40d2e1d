/**
 * The relay's state machine: which unit goes to which child next. Pure: no socket, no file, no clock.
 *
 * Each child link is a cursor over what the node holds, in the order of sending: a slow child holds back nobody,
 * and a child that already holds something is sent only what it misses. A unit is offered to the children the
 * moment it is held (cut-through), never before (it has been verified by then).
 *
 * Units are numbered as in wire/messages.ts: the document's pieces, then the chunks. The order of the chunks is
 * known only when the document has been read, so it is given later.
 */
import { assert } from '../base/errors.js';
import { ChunkSet } from '../store/chunk-set.js';

export type RelayAction =
  | { readonly kind: 'send'; readonly child: string; readonly unit: number }
  /** The whole of the layer is here, and in every subtree below. Said once. */
  | { readonly kind: 'delivered' };

interface Child {
  /** What the child is known to hold or has been sent. Undefined until it has said what it holds. */
  has: ChunkSet | undefined;
  /** Position in the order of sending of the first unit that may still be missing. */
  cursor: number;
  /** Sends that the link has not yet taken. */
  inFlight: number;
  delivered: boolean;
}

export interface RelayOptions {
  readonly pieceCount: number;
  /** How many sends to one child may be under way at a time. */
  readonly windowUnits: number;
}

export class RelayMachine {
  readonly #children = new Map<string, Child>();
  readonly #pieceCount: number;
  readonly #windowUnits: number;
  /** Order of sending; the pieces at first, all units when the order is known. */
  #order: readonly number[];
  #held: ChunkSet;
  #orderKnown = false;
  #complete = false;
  #saidDelivered = false;

  constructor(options: RelayOptions) {
    this.#pieceCount = options.pieceCount;
    this.#windowUnits = options.windowUnits;
    this.#order = Array.from({ length: options.pieceCount }, (_, piece) => piece);
    this.#held = new ChunkSet(options.pieceCount);
  }

  /** @param chunks every chunk's index once, in order of sending */
  setOrder(chunks: readonly number[]): RelayAction[] {
    assert(!this.#orderKnown, 'the order is set once');
    this.#orderKnown = true;
    const held = new ChunkSet(this.#pieceCount + chunks.length);
    for (let piece = 0; piece < this.#pieceCount; piece++) if (this.#held.has(piece)) held.add(piece);
    this.#held = held;
    this.#order = [...this.#order, ...chunks.map((chunk) => this.#pieceCount + chunk)];
    for (const child of this.#children.values()) {
      if (child.has) child.has = clipped(held.size, child.has.toRanges());
    }
    return this.#checkComplete();
  }

  get orderKnown(): boolean {
    return this.#orderKnown;
  }

  attach(name: string): void {
    this.#children.set(name, { has: undefined, cursor: 0, inFlight: 0, delivered: false });
  }

  /** The child is lost or released: nothing more is sent to it, and nobody waits for it. */
  detach(name: string): RelayAction[] {
    this.#children.delete(name);
    return this.#checkDelivered();
  }

  /**
   * The child says what it holds, and wants the rest.
   * @param ranges [first, count, first, count, …], as `ChunkSet.toRanges` gives them; what is beyond the units
   *   known here is passed over
   */
  childHas(name: string, ranges: readonly number[]): RelayAction[] {
    const child = this.#children.get(name);
    if (!child) return [];
    child.has = clipped(this.#held.size, ranges);
    child.cursor = 0;
    return this.#fill(name, child);
  }

  /** A unit is here and verified. */
  unitHeld(unit: number): RelayAction[] {
    this.#held.add(unit);
    const actions: RelayAction[] = [];
    for (const [name, child] of this.#children) actions.push(...this.#fill(name, child));
    return [...actions, ...this.#checkComplete()];
  }

  /** The link has taken one send and would take another. */
  sent(name: string): RelayAction[] {
    const child = this.#children.get(name);
    if (!child) return [];
    child.inFlight -= 1;
    return this.#fill(name, child);
  }

  /** The child's completion signal: the whole layer is everywhere in its subtree. */
  childDelivered(name: string): RelayAction[] {
    const child = this.#children.get(name);
    if (child) child.delivered = true;
    return this.#checkDelivered();
  }

  holds(unit: number): boolean {
    return unit < this.#held.size && this.#held.has(unit);
  }

  #fill(name: string, child: Child): RelayAction[] {
    const actions: RelayAction[] = [];
    if (!child.has) return actions;
    while (child.inFlight < this.#windowUnits && child.cursor < this.#order.length) {
      const unit = this.#order[child.cursor] as number;
      if (!child.has.has(unit)) {
        if (!this.#held.has(unit)) break;
        child.has.add(unit);
        child.inFlight += 1;
        actions.push({ kind: 'send', child: name, unit });
      }
      child.cursor += 1;
    }
    return actions;
  }

  #checkComplete(): RelayAction[] {
    if (!this.#orderKnown || this.#complete || this.#held.count < this.#held.size) return [];
    this.#complete = true;
    return this.#checkDelivered();
  }

  #checkDelivered(): RelayAction[] {
    if (!this.#complete || this.#saidDelivered) return [];
    for (const child of this.#children.values()) if (!child.delivered) return [];
    this.#saidDelivered = true;
    return [{ kind: 'delivered' }];
  }
}

function clipped(size: number, ranges: readonly number[]): ChunkSet {
  const inside: number[] = [];
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    const first = ranges[i] as number;
    const count = Math.min(ranges[i + 1] as number, size - first);
    if (count > 0) inside.push(first, count);
  }
  return ChunkSet.fromRanges(size, inside);
}
