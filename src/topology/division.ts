/** A job's nodes by groups: which have their proxy node, which borrow it, which go without (Algorithm 1 of the paper). */
import type { Cluster, Group } from './cluster.js';

export interface Team {
  readonly proxy: string;
  readonly slaves: readonly string[];
}

export interface Division {
  readonly teams: readonly Team[];
  readonly borrowed: readonly string[];
  /** By group. */
  readonly orphans: readonly (readonly string[])[];
}

/** Algorithm 1, lines 1 and 10 to 13. */
export function divide(
  cluster: Cluster,
  nodes: readonly string[],
  isIdle: (proxy: string) => boolean,
): Division {
  const wanted = new Set(nodes);
  const teams: Team[] = [];
  const borrowed: string[] = [];
  const orphans: string[][] = [];
  for (const group of cluster.groups) {
    const slaves = group.slaves.filter((name) => wanted.has(name));
    if (wanted.has(group.proxy)) {
      teams.push({ proxy: group.proxy, slaves });
    } else if (usesMoreThanHalf(group, slaves.length) && isIdle(group.proxy)) {
      teams.push({ proxy: group.proxy, slaves });
      borrowed.push(group.proxy);
    } else if (slaves.length > 0) {
      orphans.push(slaves);
    }
  }
  return { teams, borrowed, orphans };
}

/** The paper's t is half of the number of nodes of the group, the proxy node included. */
function usesMoreThanHalf(group: Group, used: number): boolean {
  return used > (1 + group.slaves.length) / 2;
}
