/**
 * The places a tree still has to offer: nearest the root first, and at one level below proxy nodes before slave
 * nodes. When a level offers more places than are needed, they are shared out evenly, so that no uplink carries
 * twelve copies while its neighbour carries seven.
 */
import { assert } from '../base/errors.js';

interface OpenParent {
  readonly node: number;
  readonly places: number;
}

export class OpenParents {
  /** Two ranks a level: its proxy nodes (and the root), then its slave nodes. */
  readonly #ranks: OpenParent[][] = [];

  offer(node: number, places: number, level: number, isProxy: boolean): void {
    if (places <= 0) return;
    const rank = 2 * level + (isProxy ? 0 : 1);
    (this.#ranks[rank] ??= []).push({ node, places });
  }

  get places(): number {
    let sum = 0;
    for (const rank of this.#ranks) for (const parent of rank ?? []) sum += parent.places;
    return sum;
  }

  /**
   * Finds every item a parent. `place` may offer new places, on deeper levels than the parent's.
   * A second call begins with what the first has not looked at.
   */
  assign<Item>(items: readonly Item[], place: (item: Item, parent: number) => void): void {
    let next = 0;
    for (let rank = 0; next < items.length; rank++) {
      assert(rank < this.#ranks.length, 'the tree has no place left');
      const parents = this.#ranks[rank] ?? [];
      const shares = shareOut(items.length - next, parents);
      for (const [i, { node }] of parents.entries()) {
        for (let n = shares[i] as number; n > 0; n--) place(items[next++] as Item, node);
      }
    }
  }
}

/** How many each parent gets, when everybody gets one before anybody gets a second. */
function shareOut(count: number, parents: readonly OpenParent[]): number[] {
  const shares = parents.map(() => 0);
  let open = parents.map((_, i) => i);
  for (let left = count; left > 0 && open.length > 0;) {
    for (const i of open.slice(0, left)) (shares[i] as number)++;
    left -= Math.min(left, open.length);
    open = open.filter((i) => (shares[i] as number) < (parents[i] as OpenParent).places);
  }
  return shares;
}
