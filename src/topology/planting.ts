/**
 * The tree of a running job as it is now: who is below whom, who is away or lost, and where those go whose parent is.
 * Pure. What the paper leaves out (section 3.3.2 builds a tree once), and topology-aware as that is: a node goes below
 * one of its own group where there is one, so that a group whose proxy node is lost takes the rest of the bytes through
 * one stand-in, once.
 */
import { assert } from '../base/errors.js';
import type { Tree } from './tree.js';

/** A node and everything below it; the shape that travels (wire/job.ts). */
export interface PlantedNode {
  readonly name: string;
  readonly runs: boolean;
  /** It has answered to this job before, by whatever parent: it must not begin it anew. */
  readonly known: boolean;
  readonly children: readonly PlantedNode[];
}

export interface PlantingOptions {
  readonly tree: Tree;
  /** Children a node at most. Where the tree was built with more, as below the root, it may keep them. */
  readonly width: number;
  groupOf(node: string): string;
  isProxy(node: string): boolean;
}

interface Member {
  readonly name: string;
  readonly runs: boolean;
  parent: Member | undefined;
  readonly children: Set<Member>;
  known: boolean;
  /** Without a link for now: nobody is put below it. */
  away: boolean;
  /** Too slow to carry others: nobody is put below it, either. */
  slow: boolean;
}

/** So often a slow node of a group changes places: a group may be slow as a whole, and nobody in it better. */
const DEMOTIONS_PER_GROUP_MAX = 1;

export class Planting {
  /** Counts the changes: a node believes the parent that comes with the higher number. */
  epoch = 0;
  readonly #root: Member;
  readonly #members = new Map<string, Member>();
  readonly #demotions = new Map<string, number>();

  constructor(private readonly options: PlantingOptions) {
    const { names, parents, borrowed } = options.tree;
    const borrows = new Set(borrowed);
    const members = names.map((name) => this.#make(name, !borrows.has(name)));
    members.forEach((member, index) => {
      const parent = members[parents[index] ?? -1];
      if (parent) link(member, parent);
    });
    this.#root = members[0] as Member;
  }

  /** Everybody but the root. */
  get names(): string[] {
    return [...this.#members.keys()].filter((name) => name !== this.#root.name);
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  runs(name: string): boolean {
    return this.#members.get(name)?.runs ?? false;
  }

  /** It has said something: from now on it is not begun anew. */
  heard(name: string): void {
    const member = this.#members.get(name);
    if (member) member.known = true;
  }

  isKnown(name: string): boolean {
    return this.#members.get(name)?.known ?? false;
  }

  /** From the root to the node. */
  pathTo(name: string): string[] {
    const path: string[] = [];
    for (let at = this.#members.get(name); at; at = at.parent) path.unshift(at.name);
    return path;
  }

  /** The node and everybody below it. */
  below(name: string): string[] {
    const member = this.#members.get(name);
    return member ? [...descendants(member)].map((one) => one.name) : [];
  }

  /** The root's children, with all below them. */
  planted(): PlantedNode[] {
    return [...this.#root.children].map(planted);
  }

  /** It has no link: its children get other parents. @returns whether anything has changed */
  away(name: string): boolean {
    const member = this.#members.get(name);
    if (!member || member.away) return false;
    member.away = true;
    return this.#uproot(member);
  }

  back(name: string): void {
    const member = this.#members.get(name);
    if (member) member.away = false;
  }

  /** It is lost: its children get other parents, and it is a member no more. @returns whether it was one */
  lost(name: string): boolean {
    const member = this.#members.get(name);
    if (!member || member === this.#root) return false;
    member.away = true;
    this.#uproot(member);
    unlink(member);
    this.#members.delete(name);
    this.epoch++;
    return true;
  }

  /**
   * It is slow: one of those below it takes its place and carries the others, and itself. So each byte still comes into
   * a group once, and where it was not the node's fault little is lost but the change.
   * @returns who takes its place; undefined: nobody, and nothing has changed
   */
  demote(name: string): string | undefined {
    const member = this.#members.get(name);
    const parent = member?.parent;
    if (!member || !parent) return undefined;
    const group = this.options.groupOf(name);
    const before = this.#demotions.get(group) ?? 0;
    const able = [...member.children].filter((child) => child.known && !child.away && !child.slow);
    const standIn =
      able.find((child) => this.options.groupOf(child.name) === group) ??
      able.find((child) => this.options.isProxy(child.name));
    if (!standIn || before >= DEMOTIONS_PER_GROUP_MAX) return undefined;
    this.#demotions.set(group, before + 1);
    member.slow = true;
    const others = [...member.children].filter((child) => child !== standIn);
    for (const one of [standIn, ...others, member]) unlink(one);
    link(standIn, parent);
    for (const one of [member, ...others])
      link(one, standIn.children.size < this.options.width ? standIn : this.#parentFor(one));
    this.epoch++;
    return standIn.name;
  }

  /** Another node that has heard nothing of the job yet. */
  add(name: string): void {
    assert(!this.#members.has(name), `${name} stands in the tree once`);
    const member = this.#make(name, true);
    link(member, this.#parentFor(member));
    this.epoch++;
  }

  #make(name: string, runs: boolean): Member {
    const place = { name, runs, parent: undefined, children: new Set<Member>() };
    const member: Member = { ...place, known: false, away: false, slow: false };
    this.#members.set(name, member);
    return member;
  }

  /** Those with the most room first, who can carry others: the others of their group go below them. */
  #uproot(member: Member): boolean {
    const stranded = [...member.children].sort(
      (a, b) => Number(a.slow) - Number(b.slow) || a.children.size - b.children.size,
    );
    for (const child of stranded) unlink(child);
    for (const child of stranded) link(child, this.#parentFor(child));
    if (stranded.length > 0) this.epoch++;
    return stranded.length > 0;
  }

  /** Of its own group if possible, else one that carries other groups, nearest the root; with room, else the root. */
  #parentFor(child: Member): Member {
    const { options } = this;
    const { width } = options;
    const group = options.groupOf(child.name);
    let best: Member | undefined;
    let bestRank = Infinity;
    for (const { member, level } of this.#reachable()) {
      if (member.slow || member.children.size >= width) continue;
      const isMate = member !== this.#root && options.groupOf(member.name) === group;
      const kind = isMate ? 0 : member === this.#root || options.isProxy(member.name) ? 1 : 2;
      const rank = (kind * this.#members.size + level) * (width + 1) + member.children.size;
      if (rank < bestRank) [best, bestRank] = [member, rank];
    }
    return best ?? this.#root;
  }

  /** From the root down, past nobody who is away. */
  *#reachable(): Generator<{ member: Member; level: number }> {
    const queue = [{ member: this.#root, level: 0 }];
    for (let next; (next = queue.shift());) {
      if (next.member.away) continue;
      yield next;
      for (const member of next.member.children) queue.push({ member, level: next.level + 1 });
    }
  }
}

function link(child: Member, parent: Member): void {
  child.parent = parent;
  parent.children.add(child);
}

function unlink(child: Member): void {
  child.parent?.children.delete(child);
  child.parent = undefined;
}

function planted({ name, runs, known, children }: Member): PlantedNode {
  return { name, runs, known, children: [...children].map(planted) };
}

function* descendants(member: Member): Generator<Member> {
  yield member;
  for (const child of member.children) yield* descendants(child);
}
