/** The cluster as the administrator describes it: node groups, each with one proxy node and its slave nodes. */
import { usageError } from '../base/errors.js';

export interface NodeInfo {
  readonly name: string;
  /** Where its daemon listens: a host name or an address. */
  readonly address: string;
  /** The name of its group; the login node has none. */
  readonly group?: string;
  readonly role: 'login' | 'proxy' | 'slave';
}

export interface Group {
  readonly name: string;
  readonly proxy: string;
  readonly slaves: readonly string[];
}

export interface Cluster {
  readonly name: string;
  readonly login: NodeInfo;
  readonly groups: readonly Group[];
  /** Every node by name, the login node included. */
  readonly nodes: ReadonlyMap<string, NodeInfo>;
}

export interface ClusterDescription {
  readonly name: string;
  /** The login node's name. */
  readonly login: string;
  readonly groups: readonly Group[];
  /** Where a node is not reached by its name. */
  readonly addresses?: ReadonlyMap<string, string>;
}

/** @throws TeesError NODE_DUPLICATE when two places of the description name the same node */
export function makeCluster({ name, login, groups, addresses }: ClusterDescription): Cluster {
  const nodes = new Map<string, NodeInfo>();
  const add = (node: Omit<NodeInfo, 'address'>): NodeInfo => {
    if (nodes.has(node.name)) {
      throw usageError('NODE_DUPLICATE', `node ${node.name} stands twice in cluster ${name}`, {
        node: node.name,
        hint: 'A node is the login node, or the proxy or a slave of one group.',
      });
    }
    const info = { ...node, address: addresses?.get(node.name) ?? node.name };
    nodes.set(info.name, info);
    return info;
  };
  const loginNode = add({ name: login, role: 'login' });
  for (const group of groups) {
    add({ name: group.proxy, group: group.name, role: 'proxy' });
    for (const slave of group.slaves) add({ name: slave, group: group.name, role: 'slave' });
  }
  return { name, login: loginNode, groups, nodes };
}
