/**
 * A topology-aware tree of a given shape (shapes.ts). As in Algorithm 1, groups fill it breadth-first from the login
 * node, proxy nodes are borrowed, and groups without their proxy node come last.
 */
import type { Division } from './division.js';
import { Grower, ROOT } from './grower.js';
import { OpenParents } from './open-parents.js';
import type { Shape } from './shapes.js';
import type { Tree } from './tree.js';

interface Party {
  /** Where the bytes enter the group: its proxy node, or the slave node that stands in for it. */
  readonly leader: string;
  readonly others: readonly string[];
  readonly isTeam: boolean;
}

/** @param root the login node */
export function shapedTree(root: string, { teams, borrowed, orphans }: Division, shape: Shape): Tree {
  // The larger a group, the longer what enters it is on its way: those come first.
  const bySize = (a: Party, b: Party): number => b.others.length - a.others.length;
  const parties = [
    ...teams.map(({ proxy, slaves }) => ({ leader: proxy, others: slaves, isTeam: true })).sort(bySize),
    ...orphans
      .map(([leader, ...others]) => ({ leader: leader as string, others, isTeam: false }))
      .sort(bySize),
  ];
  const grower = new Grower(root, shape.groupWidth, shape.rootWidth);
  const open = new OpenParents();
  open.offer(ROOT, shape.rootWidth, 0, true);
  const place = { proxy: placeBesideSlaves, any: placeThrough }[shape.carrier];
  place(grower, open, parties, shape);
  return grower.finish(borrowed, orphans.flat());
}

/** The leaders first: what one of them passes on to other groups has more before it than what stays in its own. */
function placeBesideSlaves(
  grower: Grower,
  open: OpenParents,
  parties: readonly Party[],
  { proxyWidth, groupWidth }: Shape,
): void {
  const leaders: number[] = [];
  open.assign(parties, ({ leader, isTeam }, parent) => {
    const node = grower.add(leader, parent, proxyWidth + groupWidth);
    leaders.push(node);
    open.offer(node, proxyWidth, grower.level(node), isTeam);
  });
  for (const [i, { others }] of parties.entries()) grower.addWithin(leaders[i] as number, others, groupWidth);
}

function placeThrough(
  grower: Grower,
  open: OpenParents,
  parties: readonly Party[],
  { proxyWidth }: Shape,
): void {
  open.assign(parties, ({ leader, others, isTeam }, parent) => {
    const top = grower.add(leader, parent);
    const group = [top, ...grower.addWithin(top, others)];
    let left = proxyWidth;
    for (const node of group) {
      const places = Math.min(left, grower.room(node));
      open.offer(node, places, grower.level(node), isTeam && node === top);
      left -= places;
    }
  });
}
