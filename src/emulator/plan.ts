/** Who is in an embedded cluster and under which address: pure arithmetic over the options. */
import type { NodeInfo } from '../topology/cluster.js';

/** RFC 2544 benchmarking addresses, which no real network uses: 198.18.0.0/15. */
export const NETWORK_BITS = 15;
export const PORT = 7611;
export const UPLINK_INTERFACE = 'up0';

/** Of the storage node. */
export const STORAGE_PORT = 7612;

/** Whatever has a namespace and an address. */
export type Host = Pick<NodeInfo, 'name' | 'address'>;

export interface ClusterPlan {
  readonly login: NodeInfo;
  readonly groups: readonly PlannedGroup[];
  /** Login first, then the groups' nodes in order. */
  readonly nodes: readonly NodeInfo[];
  /** It has no daemon; undefined where there is none. */
  readonly storage?: Host;
}

export interface PlannedGroup {
  readonly name: string;
  readonly proxy: NodeInfo;
  readonly slaves: readonly NodeInfo[];
}

/** Login is 198.18.0.1, the storage node 198.18.0.2; node s of group g is cn(g·size+s) at 198.18.(1+g).(1+s), and its proxy when s is 0. */
export function planCluster(groups: number, groupSize: number, withStorage = false): ClusterPlan {
  const login: NodeInfo = { name: 'login', address: '198.18.0.1', role: 'login' };
  const planned = Array.from({ length: groups }, (_, g) => planGroup(g, groupSize));
  return {
    login,
    groups: planned,
    ...(withStorage ? { storage: { name: 'storage', address: '198.18.0.2' } } : {}),
    nodes: [login, ...planned.flatMap((group) => [group.proxy, ...group.slaves])],
  };
}

function planGroup(g: number, size: number): PlannedGroup {
  const name = `g${g}`;
  const node = (s: number): NodeInfo => ({
    name: `cn${g * size + s}`,
    address: `198.18.${1 + g}.${1 + s}`,
    group: name,
    role: s === 0 ? 'proxy' : 'slave',
  });
  return { name, proxy: node(0), slaves: Array.from({ length: size - 1 }, (_, i) => node(i + 1)) };
}
