/** A tree while it is being built: nodes are added below their parents, and nobody gets more than `width` children. */
import { assert } from '../base/errors.js';
import type { Tree } from './tree.js';

export const ROOT = 0;
/** The children of most nodes. */
const NOBODY: number[] = [];

export class Grower {
  readonly #names: string[];
  readonly #parents = [-1];
  readonly #levels = [0];
  readonly #room: number[];

  /** @param rootWidth where the root may have another number of children */
  constructor(
    root: string,
    private readonly width: number,
    rootWidth = width,
  ) {
    this.#names = [root];
    this.#room = [rootWidth];
  }

  get size(): number {
    return this.#names.length;
  }

  /**
   * @param room of the node, where it is not the tree's width
   * @returns the node's number, good until `finish`
   */
  add(name: string, parent: number, room = this.width): number {
    assert(this.room(parent) > 0, `${name} goes below a node that has no room left`);
    (this.#room[parent] as number)--;
    this.#room.push(room);
    this.#parents.push(parent);
    this.#levels.push(this.level(parent) + 1);
    return this.#names.push(name) - 1;
  }

  /** How many more children the node may have. */
  room(node: number): number {
    return this.#room[node] as number;
  }

  /** Edges to the root. */
  level(node: number): number {
    return this.#levels[node] as number;
  }

  get depth(): number {
    return this.#levels.reduce((deepest, level) => Math.max(deepest, level), 0);
  }

  /**
   * Adds the nodes of one group below `top`, a node of the same group, and below each other where `top` has no
   * more room: the bytes stay inside the group.
   * @param most of them directly below `top`
   * @returns the nodes' numbers
   */
  addWithin(top: number, names: readonly string[], most = Infinity): number[] {
    const parents = [top];
    let next = 0;
    for (const [i, name] of names.entries()) {
      if (i === most) next = 1;
      while (this.room(parents[next] as number) === 0) next++;
      parents.push(this.add(name, parents[next] as number));
    }
    return parents.slice(1);
  }

  /** Numbers the nodes anew, level by level from the root. */
  finish(borrowed: readonly string[], orphans: readonly string[]): Tree {
    const below: number[][] = this.#names.map(() => NOBODY);
    for (let node = 1; node < this.size; node++) {
      const parent = this.#parents[node] as number;
      if (below[parent] === NOBODY) below[parent] = [node];
      else below[parent]?.push(node);
    }
    const order = [ROOT];
    const parents = [-1];
    const children: number[][] = [];
    for (let i = 0; i < order.length; i++) {
      const mine = below[order[i] as number] as number[];
      children.push(mine === NOBODY ? NOBODY : mine.map((_, k) => order.length + k));
      for (const child of mine) {
        order.push(child);
        parents.push(i);
      }
    }
    const names = order.map((node) => this.#names[node] as string);
    return { names, parents, children, borrowed, orphans, depth: this.depth };
  }
}
