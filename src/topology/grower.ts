/** A tree while it is being built: nodes are added below their parents, and nobody gets more than `width` children. */
import { assert } from '../base/errors.js';
import type { Tree } from './tree.js';

export const ROOT = 0;

export class Grower {
  readonly #names: string[];
  readonly #parents = [-1];
  readonly #levels = [0];
  readonly #room: number[];

  constructor(
    root: string,
    private readonly width: number,
  ) {
    this.#names = [root];
    this.#room = [width];
  }

  get size(): number {
    return this.#names.length;
  }

  /** @returns the node's number, good until `finish` */
  add(name: string, parent: number): number {
    assert(this.room(parent) > 0, `${name} goes below a node that has ${this.width} children`);
    (this.#room[parent] as number)--;
    this.#room.push(this.width);
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
   * @returns the nodes' numbers
   */
  addWithin(top: number, names: readonly string[]): number[] {
    const parents = [top];
    let next = 0;
    for (const name of names) {
      while (this.room(parents[next] as number) === 0) next++;
      parents.push(this.add(name, parents[next] as number));
    }
    return parents.slice(1);
  }

  /** Numbers the nodes anew, level by level from the root. */
  finish(borrowed: readonly string[], orphans: readonly string[]): Tree {
    const below: number[][] = this.#names.map(() => []);
    for (let node = 1; node < this.size; node++) below[this.#parents[node] as number]?.push(node);
    const order = [ROOT];
    const parents = [-1];
    const children: number[][] = [];
    for (let i = 0; i < order.length; i++) {
      const mine = below[order[i] as number] as number[];
      children.push(mine.map((_, k) => order.length + k));
      for (const child of mine) {
        order.push(child);
        parents.push(i);
      }
    }
    const names = order.map((node) => this.#names[node] as string);
    return { names, parents, children, borrowed, orphans, depth: this.depth };
  }
}
