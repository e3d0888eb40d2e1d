/** The nodes that a user asks for, checked against the cluster. */
import { usageError } from '../base/errors.js';
import type { Cluster } from './cluster.js';
import { foldHostlist, parseHostlist } from './hostlist.js';
import { suggestion } from './nearest.js';

/** So much of a node list fits into a message. */
const SHOWN_CHARACTERS = 60;

/** @throws TeesError as `parseHostlist` and `checkNodes` do */
export function selectNodes(cluster: Cluster, text: string): string[] {
  const names = parseHostlist(text);
  checkNodes(cluster, names);
  return names;
}

/** @throws TeesError NODES_EMPTY, NODE_UNKNOWN, NODE_IS_LOGIN, NODE_DUPLICATE */
export function checkNodes(cluster: Cluster, names: readonly string[]): void {
  if (names.length === 0) {
    throw usageError('NODES_EMPTY', 'the node list is empty', { hint: knownNodes(cluster) });
  }
  const seen = new Set<string>();
  for (const name of names) {
    const info = cluster.nodes.get(name);
    if (!info) throw unknownNode(cluster, name, names);
    if (info.role === 'login') {
      throw usageError('NODE_IS_LOGIN', `${name} is the login node; jobs run on compute nodes`, {
        node: name,
        hint: knownNodes(cluster),
      });
    }
    if (seen.has(name)) {
      throw usageError('NODE_DUPLICATE', `node ${name} stands twice in the list`, {
        node: name,
        hint: 'Name each node once.',
      });
    }
    seen.add(name);
  }
}

function unknownNode(cluster: Cluster, name: string, names: readonly string[]): Error {
  const others = names.filter((each) => !cluster.nodes.has(each)).length - 1;
  const more = others > 0 ? ` (nor ${others === 1 ? 'is' : 'are'} ${others} more of the list)` : '';
  const compute = [...cluster.nodes.values()].filter((node) => node.role !== 'login');
  const guess = suggestion(
    name,
    compute.map((node) => node.name),
  );
  return usageError('NODE_UNKNOWN', `node ${name} is not in cluster ${cluster.name}${more}`, {
    node: name,
    hint: guess ? `${guess} ${knownNodes(cluster)}` : knownNodes(cluster),
  });
}

function knownNodes(cluster: Cluster): string {
  const list = foldHostlist(cluster.groups.flatMap(({ proxy, slaves }) => [proxy, ...slaves]));
  const shown = list.length <= SHOWN_CHARACTERS ? list : `${list.slice(0, SHOWN_CHARACTERS - 3)}...`;
  return `The cluster's compute nodes are ${shown}`;
}
