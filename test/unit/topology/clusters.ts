/** Clusters for tests: whole groups of one size, and random ones. */
import fc from 'fast-check';
import { makeCluster } from '../../../src/topology/cluster.js';
import type { Cluster } from '../../../src/topology/cluster.js';

/** Groups g0, g1, … of `size` nodes each, named cn0, cn1, … in order; the first of each is the proxy node. */
export function clusterOf(groupSizes: readonly number[]): Cluster {
  let next = 0;
  const groups = groupSizes.map((size, index) => {
    const [proxy, ...slaves] = Array.from({ length: size }, () => `cn${next++}`);
    return { name: `g${index}`, proxy: proxy as string, slaves };
  });
  return makeCluster({ name: 'test', login: 'login', groups });
}

export function wholeGroups(groups: number, size = 8): Cluster {
  return clusterOf(new Array<number>(groups).fill(size));
}

export function computeNodes(cluster: Cluster): string[] {
  return cluster.groups.flatMap(({ proxy, slaves }) => [proxy, ...slaves]);
}

export interface Situation {
  readonly cluster: Cluster;
  readonly nodes: string[];
  readonly width: number;
  readonly idle: ReadonlySet<string>;
}

/** A cluster, some of its nodes in some order, and which of its proxy nodes are idle. */
export function situations(widths: fc.Arbitrary<number>): fc.Arbitrary<Situation> {
  const sizes = fc.oneof(
    fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 }),
    fc
      .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 80 }))
      .map(([size, count]) => new Array<number>(count).fill(size)),
  );
  return sizes.chain((groupSizes) => {
    const cluster = clusterOf(groupSizes);
    const all = computeNodes(cluster);
    const proxies = cluster.groups.map((group) => group.proxy);
    return fc.record({
      cluster: fc.constant(cluster),
      nodes: fc.oneof(fc.shuffledSubarray(all, { minLength: 1 }), fc.constant(all), ranges(all)),
      width: widths,
      idle: fc.subarray(proxies).map((names) => new Set(names)),
    });
  });
}

/** What users mostly ask for: consecutive nodes. */
function ranges(all: readonly string[]): fc.Arbitrary<string[]> {
  const position = fc.integer({ min: 0, max: all.length - 1 });
  return fc.tuple(position, position).map(([a, b]) => all.slice(Math.min(a, b), Math.max(a, b) + 1));
}
