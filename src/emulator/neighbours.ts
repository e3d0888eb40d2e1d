/**
 * Link-layer addresses, known in advance instead of asked for. All network namespaces of a host share one table of
 * neighbours, and by default it ends at 1024 (arp(7), gc_thresh3): 33 nodes that all talk to each other would fill
 * it, and connections would hang or fail with EHOSTUNREACH. Permanent entries do not count, and no broadcast
 * disturbs the byte counters of the uplinks.
 */
import type { NodeInfo } from '../topology/cluster.js';
import type { ClusterPlan, Host } from './plan.js';

/** Everybody knows everybody up to this size; the entries grow with its square. */
const COMPLETE_NODES_MAX = 256;

/** The address in a locally administered MAC address: 198.18.1.2 has 02:00:c6:12:01:02. */
export function linkAddress({ address }: Host): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '00', ...bytes].join(':');
}

/**
 * Whom `node` knows: in larger clusters those with whom a transport tree connects it, the others it asks for. The storage
 * node and everybody know each other.
 */
export function neighbours({ login, groups, nodes, storage }: ClusterPlan, node: Host): Host[] {
  if (node === storage) return [...nodes];
  const { group: own } = node as NodeInfo;
  const group = groups.find(({ name }) => name === own);
  const known =
    nodes.length - 1 <= COMPLETE_NODES_MAX
      ? nodes
      : [login, ...groups.map(({ proxy }) => proxy), ...(group ? group.slaves : [])];
  return [...known.filter((other) => other !== node), ...(storage ? [storage] : [])];
}
