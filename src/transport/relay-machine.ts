/**
 * The relay's state machine: which unit goes to which child next. Pure: no socket, no file, no clock.
 *
 * Each child link is a cursor over what the node holds, in the order of sending: a slow child holds back nobody,
 * and a child that already holds something is sent only what it misses. A unit is offered to the children the
 * moment it is held (cut-through), never before (it has been verified by then). Units that somebody waits for go
 * before the cursor, which later passes over them.
 *
 * Units are numbered as in wire/messages.ts: the document's pieces, then the chunks. The order of the chunks is
 * known only when the document has been read, so it is given later. A child is sent chunks when it has read the document,
 * too, and has said which of them it holds already.
 */
import { assert } from '../base/errors.js';
import { HAVE_NUMBERS_MAX } from '../base/limits.js';
import { ChunkSet } from '../store/chunk-set.js';
import { Demand } from './demand.js';
import type { UnitRanges } from './demand.js';
import { RaisedUnits } from './raised-units.js';

export type RelayAction =
  /** `raised`: somebody waits for it, so that it may pass others that wait to be sent. */
  | { readonly kind: 'send'; readonly child: string; readonly unit: number; readonly raised: boolean }
  /** Asked for, here or below, and not held here: to be asked for above. Every unit once. */
  | { readonly kind: 'want'; readonly ranges: UnitRanges }
  /** The whole of the layer is here, and in every subtree below. Said once. */
  | { readonly kind: 'delivered' };

interface Child {
  /** What the child is known to hold or has been sent. Undefined until it has said what it holds. */
  has: ChunkSet | undefined;
  /** What it said, until the units are known here. */
  said: readonly number[];
  /** It has read the document: what it said counts for the chunks, too. */
  opened: boolean;
  /** Position in the order of sending of the first unit that may still be missing. */
  cursor: number;
  /** Undefined until the order is known. */
  raised: RaisedUnits | undefined;
  /** Sends that the link has not yet taken. */
  inFlight: number;
  raisedInFlight: number;
  /** Pieces of the document that the link has not yet taken: nothing may pass them. */
  piecesMissing: number;
  delivered: boolean;
}

export interface RelayOptions {
  readonly pieceCount: number;
  /** How many sends to one child may be under way at a time: raised ones do not count among the others. */
  readonly windowUnits: number;
}

export class RelayMachine {
  readonly #children = new Map<string, Child>();
  readonly #pieceCount: number;
  readonly #windowUnits: number;
  /** Order of sending; the pieces at first, all units when the order is known. */
  #order: readonly number[];
  #held: ChunkSet;
  readonly #demand = new Demand();
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
      child.raised = new RaisedUnits(held.size);
      if (child.has) child.has = joined(clipped(held.size, child.said), child.has);
      child.said = [];
    }
    const early = this.#demand.open(held.size).flatMap(({ asker, ranges }) => this.want(ranges, asker));
    return [...early, ...this.#checkComplete()];
  }

  get orderKnown(): boolean {
    return this.#orderKnown;
  }

  attach(name: string): void {
    const raised = this.#orderKnown ? new RaisedUnits(this.#held.size) : undefined;
    const nothing = { cursor: 0, inFlight: 0, raisedInFlight: 0, delivered: false, said: [], opened: false };
    this.#children.set(name, { has: undefined, raised, piecesMissing: this.#pieceCount, ...nothing });
  }

  /** The child is lost or released: nothing more is sent to it, and nobody waits for it. */
  detach(name: string): RelayAction[] {
    this.#children.delete(name);
    return this.#checkDelivered();
  }

  /** The way to the child is cut. Nothing is sent until it says what it holds; it is still waited for. */
  away(name: string): void {
    const child = this.#children.get(name);
    if (child) Object.assign(child, { has: undefined, inFlight: 0, raisedInFlight: 0, delivered: false });
  }

  /**
   * The child says what it holds, and wants the rest. What it had asked for before, it asks for again.
   * @param ranges [first, count, first, count, …], as `ChunkSet.toRanges` gives them; what is beyond the units
   *   that there are is passed over
   * @param opened it has read the document
   */
  childHas(name: string, ranges: readonly number[], opened: boolean): RelayAction[] {
    const child = this.#children.get(name);
    if (!child) return [];
    child.has = clipped(this.#held.size, ranges);
    if (!this.#orderKnown) child.said = ranges;
    child.opened = opened;
    child.cursor = 0;
    child.piecesMissing = 0;
    for (const [from, to] of child.has.missing(0, this.#pieceCount)) child.piecesMissing += to - from;
    child.raised?.forgetAsked();
    return this.#fill(name, child);
  }

  /**
   * Somebody waits for these units, the first ones first. They go to every child next, once they are held.
   * @param ranges [first, count, first, count, …], in any order; what is beyond the units known here, or more than
   *   all of them, is passed over
   * @param asker the child that asks; nobody: this node itself
   */
  want(ranges: UnitRanges, asker?: string): RelayAction[] {
    if (asker !== undefined && !this.#children.has(asker)) return [];
    if (!this.#orderKnown) {
      this.#demand.postpone(ranges, asker);
      return [];
    }
    const upwards: number[] = [];
    for (const [start, end] of this.#demand.within(ranges)) {
      for (const [from, to] of this.#demand.add(start, end)) {
        for (const number of this.#demand.askAbove(from, to, this.#held)) upwards.push(number);
        for (const [name, { raised }] of this.#children)
          if (name !== asker) raised?.askedElsewhere(from, to, this.#held);
      }
      if (asker !== undefined) this.#children.get(asker)?.raised?.ask(start, end, this.#held);
    }
    const actions: RelayAction[] = upwards.length > 0 ? [{ kind: 'want', ranges: upwards }] : [];
    return [...actions, ...this.#fillAll()];
  }

  /** What was asked for above and has not come, in the order asked: a new link to above is told it again. */
  wanted(): UnitRanges {
    return this.#demand.outstanding(this.#held);
  }

  /** A unit is here and verified. */
  unitHeld(unit: number): RelayAction[] {
    this.#held.add(unit);
    if (this.#demand.has(unit)) for (const { raised } of this.#children.values()) raised?.arrived(unit);
    return [...this.#fillAll(), ...this.#checkComplete()];
  }

  /** The link has taken one send and would take another. Not to be told of a link from before `away`. */
  sent(name: string, raised: boolean): RelayAction[] {
    const child = this.#children.get(name);
    if (!child) return [];
    if (raised) child.raisedInFlight -= 1;
    else child.inFlight -= 1;
    if (!raised && child.piecesMissing > 0) child.piecesMissing -= 1;
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

  /** What is held, as a child tells its parent. */
  held(): number[] {
    return this.#held.toRanges(HAVE_NUMBERS_MAX);
  }

  #fillAll(): RelayAction[] {
    const actions: RelayAction[] = [];
    for (const [name, child] of this.#children) actions.push(...this.#fill(name, child));
    return actions;
  }

  #fill(name: string, child: Child): RelayAction[] {
    const actions: RelayAction[] = [];
    if (!child.has) return actions;
    while (child.opened && child.piecesMissing === 0 && child.raisedInFlight < this.#windowUnits) {
      const unit = child.raised?.next(child.has);
      if (unit === undefined) break;
      child.has.add(unit);
      child.raisedInFlight += 1;
      actions.push({ kind: 'send', child: name, unit, raised: true });
    }
    const end = child.opened ? this.#order.length : this.#pieceCount;
    while (child.inFlight < this.#windowUnits && child.cursor < end) {
      const unit = this.#order[child.cursor] as number;
      if (!child.has.has(unit)) {
        if (!this.#held.has(unit)) break;
        child.has.add(unit);
        child.inFlight += 1;
        actions.push({ kind: 'send', child: name, unit, raised: false });
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

/** Of pieces, the first units, which have been sent since it was said. */
function joined(all: ChunkSet, pieces: ChunkSet): ChunkSet {
  for (const [start, end] of pieces.held(0, pieces.size)) all.addRange(start, end);
  return all;
}

/** @throws TeesError RANGES_INVALID */
function clipped(size: number, ranges: readonly number[]): ChunkSet {
  if (ranges.length % 2 !== 0) return ChunkSet.fromRanges(size, ranges);
  const inside: number[] = [];
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    const first = ranges[i] as number;
    const count = Math.min(ranges[i + 1] as number, size - first);
    if (count > 0) inside.push(first, count);
  }
  return ChunkSet.fromRanges(size, inside);
}
