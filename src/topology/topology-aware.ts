/**
 * Topology-aware P2P tree generation: Algorithm 1 of the paper (section 3.3.2).
 *
 * - Proxy nodes fill the tree breadth-first from the root; a proxy node's slave nodes stand below it.
 * - A proxy node that is no node of the job is borrowed when it is idle and the job uses more than half of its group.
 * - The slave nodes of other groups without their proxy node are orphans. They come last, on the last level.
 *
 * Where the paper leaves it open, the goal decides: the bytes cross each group's uplink once.
 * - A group with more slave nodes than its proxy node has room for continues below its own slave nodes.
 * - Of a group's orphans one stands in for the proxy node, and the others are below it.
 */
import { divide } from './division.js';
import type { Division, Team } from './division.js';
import { Grower, ROOT } from './grower.js';
import { OpenParents } from './open-parents.js';
import type { Tree, TreeInput } from './tree.js';

/** With at least this many places for other proxy nodes below each, their levels grow as powers do. */
const PROXY_PLACES_MIN = 2;

export function topologyAware({ cluster, nodes, width, isIdle }: TreeInput): Tree {
  return paperTree(cluster.login.name, divide(cluster, nodes, isIdle), width);
}

/** @param root the login node */
export function paperTree(root: string, { teams, borrowed, orphans }: Division, width: number): Tree {
  const grower = new Grower(root, width);
  const proxies = placeTeams(grower, width, teams);
  placeOrphans(grower, proxies, orphans);
  return grower.finish(borrowed, orphans.flat());
}

/**
 * Lines 3 to 8, and 14 and 15. The teams whose proxy nodes have the most room come first: that gives the proxy
 * nodes the fewest levels.
 * @returns the proxy nodes
 */
function placeTeams(grower: Grower, width: number, teams: readonly Team[]): number[] {
  const places = ({ slaves }: Team): number => placesForProxies(width, slaves.length);
  const ordered = [...teams].sort((a, b) => places(b) - places(a));
  const open = new OpenParents();
  open.offer(ROOT, grower.room(ROOT), grower.level(ROOT), true);
  // So narrow a tree has to lead through slave nodes, or the proxy nodes would make one long chain.
  const throughSlaves = width <= PROXY_PLACES_MIN;
  const proxies: number[] = [];
  open.assign(ordered, (team, parent) => {
    const node = grower.add(team.proxy, parent);
    proxies.push(node);
    if (throughSlaves) {
      for (const slave of grower.addWithin(node, team.slaves)) {
        open.offer(slave, grower.room(slave), grower.level(slave), false);
      }
      open.offer(node, grower.room(node), grower.level(node), true);
    } else {
      open.offer(node, places(team), grower.level(node), true);
    }
  });
  if (!throughSlaves) {
    for (const [i, { slaves }] of ordered.entries()) grower.addWithin(proxies[i] as number, slaves);
  }
  return proxies;
}

/** What the slave nodes leave; of groups that leave next to nothing, half of the width. */
function placesForProxies(width: number, slaves: number): number {
  const left = width - slaves;
  return left >= PROXY_PLACES_MIN ? left : Math.ceil(width / 2);
}

/**
 * Lines 17 and 20. The last level's parents are proxy nodes with room, which carry little; a group with several
 * orphans begins one level higher, so that the tree gets no deeper. When those proxy nodes are full, the orphans take
 * any free place from the root down, and lead on to each other.
 */
function placeOrphans(
  grower: Grower,
  proxies: readonly number[],
  orphans: readonly (readonly string[])[],
): void {
  const lastLevel = grower.depth;
  const carriers = [ROOT, ...proxies];
  const place = (group: readonly string[], parent: number): number[] => {
    const leader = grower.add(group[0] as string, parent);
    return [leader, ...grower.addWithin(leader, group.slice(1))];
  };
  /** @returns those that found no place */
  const placeFrom = (
    level: number,
    groups: readonly (readonly string[])[],
  ): readonly (readonly string[])[] => {
    const open = new OpenParents();
    for (const node of carriers) {
      if (grower.level(node) >= level) open.offer(node, grower.room(node), grower.level(node), true);
    }
    const places = open.places;
    open.assign(groups.slice(0, places), place);
    return groups.slice(places);
  };
  const left = [
    ...placeFrom(
      lastLevel - 2,
      orphans.filter((group) => group.length > 1),
    ),
    ...placeFrom(
      lastLevel - 1,
      orphans.filter((group) => group.length === 1),
    ),
  ];
  const open = new OpenParents();
  const isCarrier = new Set(carriers);
  const offer = (node: number): void =>
    open.offer(node, grower.room(node), grower.level(node), isCarrier.has(node));
  for (let node = ROOT; node < grower.size; node++) offer(node);
  open.assign(left, (group, parent) => place(group, parent).forEach(offer));
}
