/** What must hold in every run, at every step and at its end. */
import type { ChunkSet } from '../store/chunk-set.js';
import type { PlantedNode } from '../topology/planting.js';
import { WINDOW_UNITS } from './child.js';
import type { SimulatedChild } from './child.js';
import type { LinkEnd } from './host.js';

/** Of one link and direction that was not lost: messages that have not arrived. */
const QUEUE_MAX_MESSAGES = 2000;

/** What is looked at of a node (node.ts). */
export interface WatchedNode {
  readonly name: string;
  readonly isUp: boolean;
  readonly job: { readonly parentName: string | undefined } | undefined;
  readonly record: { readonly units: ChunkSet } | undefined;
}

/** And of the root (root.ts). */
export interface WatchedRoot {
  readonly failure: string | undefined;
  readonly isOver: boolean;
  readonly present: readonly string[];
  readonly lost: readonly string[];
  readonly complete: ReadonlyMap<string, number>;
}

export class Violation extends Error {}

export interface InvariantsOptions {
  /** Of several. */
  readonly job?: string;
  readonly unitCount: number;
  groupOf(node: string): string;
  /** What has happened, for who reads a failure. */
  note?(what: () => string): void;
}

export class Invariants {
  /** Undefined: the source, which holds everything. */
  readonly #nodes = new Map<string, WatchedNode>();
  /** How often each unit has come into each group from outside. */
  readonly #entries = new Map<string, Uint16Array>();
  unitsArrived = 0;
  /** A unit that its receiver held already. */
  #inVain = '';
  queuedMost = 0;
  replanted = 0;

  constructor(private readonly options: InvariantsOptions) {}

  watch(node: WatchedNode): void {
    this.#nodes.set(node.name, node);
  }

  note(what: () => string): void {
    this.options.note?.(what);
  }

  check(holds: boolean, why: () => string): void {
    const { job } = this.options;
    if (!holds) throw new Violation(job === undefined ? why() : `${job}: ${why()}`);
  }

  /** So many a node holds. */
  unitsAt(name: string): number {
    return this.#nodes.get(name)?.record?.units.count ?? 0;
  }

  /** A node sends a unit to a child. */
  sends(from: string, child: SimulatedChild, unit: number): void {
    const sender = this.#nodes.get(from);
    this.check(!sender || (sender.record?.units.has(unit) ?? false), () => {
      return `${from} sends unit ${unit}, which it does not hold verified, to ${child.name}`;
    });
    this.check(!child.unitsSent.has(unit), () => `${from} sends unit ${unit} to ${child.name} twice`);
    child.unitsSent.add(unit);
    this.check(child.inFlight <= 2 * WINDOW_UNITS, () => {
      return `${child.inFlight} units are under way from ${from} to ${child.name}`;
    });
  }

  queued(end: LinkEnd): void {
    this.queuedMost = Math.max(this.queuedMost, end.onTheWay);
    this.check(end.onTheWay <= QUEUE_MAX_MESSAGES, () => {
      return `${end.onTheWay} messages wait from ${end.host.name} to ${end.peer}`;
    });
  }

  /** A node has taken a unit that it did not hold. */
  arrived(from: string, to: string, unit: number): void {
    this.unitsArrived++;
    const group = this.options.groupOf(to);
    if (this.options.groupOf(from) === group) return;
    let entries = this.#entries.get(group);
    if (!entries) this.#entries.set(group, (entries = new Uint16Array(this.options.unitCount)));
    (entries[unit] as number)++;
  }

  /** A node has been sent what it holds, as may be when links are lost, or the tree changes. */
  came(to: string, unit: number): void {
    this.#inVain ||= `${to} was sent unit ${unit}, which it held`;
  }

  /** The most often that a unit has come into a group, and the least. */
  get entries(): { most: number; least: number } {
    let [most, least] = [0, Infinity];
    for (const counts of this.#entries.values())
      for (const count of counts) [most, least] = [Math.max(most, count), Math.min(least, count)];
    return { most, least };
  }

  /** Everybody who takes part stands in it once; nobody else does. */
  tree(subtrees: readonly PlantedNode[], members: readonly string[]): void {
    this.replanted++;
    const seen = new Set<string>();
    const rest = [...subtrees];
    for (let node; (node = rest.pop());) {
      const { name, children } = node;
      this.check(!seen.has(name), () => `${name} stands twice in the tree`);
      seen.add(name);
      rest.push(...children);
    }
    this.check(seen.size === members.length && members.every((name) => seen.has(name)), () => {
      return `${seen.size} nodes stand in the tree of ${members.length} members`;
    });
  }

  /**
   * Nothing will happen any more.
   * @param faults that were planned
   * @param mayFail one of them ends a job
   */
  finished(root: WatchedRoot, faults: number, mayFail: boolean): void {
    // What is under way when a link is lost, or a node gets another parent, comes again.
    this.check(faults + this.replanted > 0 || !this.#inVain, () => this.#inVain);
    const { most } = this.entries;
    this.check(most <= 1 + faults + this.replanted, () => {
      return `a unit came into a group ${most} times, with ${faults} faults and ${this.replanted} other trees`;
    });
    if (root.failure !== undefined) {
      this.check(
        mayFail || root.present.length === 0,
        () => `the job was ended by ${root.failure} without such a fault`,
      );
      this.check(root.isOver, () => 'the login node waits for ever for the end');
      for (const [name, node] of this.#nodes)
        this.check(!node.isUp || !node.job, () => `${name} waits for ever after the end of the job`);
      return;
    }
    const missing: string[] = [];
    for (const name of root.present) {
      const node = this.#nodes.get(name) as WatchedNode;
      if (!node.isUp) missing.push(`${name} is down and was not declared lost`);
      else if (!node.job) missing.push(`${name} has given up`);
      else if (!node.record?.units.full)
        missing.push(`${name} holds ${node.record?.units.count} units, with parent ${node.job.parentName}`);
      else if (!root.complete.has(name))
        missing.push(`${name} is complete, and the login node does not know`);
    }
    this.check(missing.length === 0, () => {
      return `${missing.length} nodes wait for ever: ${missing.slice(0, 5).join('; ')}`;
    });
    const lost = root.lost.filter((name) => this.#nodes.get(name)?.job && this.#nodes.get(name)?.isUp);
    this.check(lost.length === 0, () => `lost, and wait for ever: ${lost.slice(0, 5).join(', ')}`);
  }
}
