/**
 * From how many nodes on a tree is faster than the shared storage (paper, section 3.3.1), out of deployments by both to
 * more and more nodes. Pure.
 */

export interface Comparison {
  readonly nodes: number;
  /** Seconds until the last node has everything. */
  readonly shared: number;
  readonly p2p: number;
}

/** Counts at which both are compared: twice as many each time, and all. */
export function countsUpTo(nodeCount: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < nodeCount; count *= 2) counts.push(count);
  return [...counts, nodeCount];
}

/**
 * In between it is taken to change evenly.
 * @param comparisons by rising number of nodes
 * @returns `never`: the storage is the faster one to the most nodes that were compared, too
 */
export function thresholdOf(comparisons: readonly Comparison[]): number | 'never' {
  const lastShared = comparisons.findLastIndex(({ shared, p2p }) => shared < p2p);
  const before = comparisons[lastShared];
  const after = comparisons[lastShared + 1];
  if (!after) return 'never';
  if (!before) return 0;
  const [ahead, behind] = [before.p2p - before.shared, after.shared - after.p2p];
  return Math.ceil(before.nodes + ((after.nodes - before.nodes) * ahead) / (ahead + behind));
}
