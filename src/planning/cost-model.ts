/**
 * How long a stream takes from the login node to the last node of a tree, and what no tree can beat. Pure.
 *
 * The paper (section 3.3.2) weighs a tree's depth against its width in words. This is the arithmetic of a pipelined
 * broadcast: the first unit on its way down the tree (the fill), then the rest at the rate of the narrowest place. A
 * message costs what it does in the single-port model, which the bound L·log2 N supposes as well: a node serves its
 * children one after the other.
 */
import { CHUNK_SIZE_BYTES } from '../base/limits.js';
import type { Cluster } from '../topology/cluster.js';
import type { NetworkCosts } from '../topology/network.js';
import type { Tree } from '../topology/tree.js';

/** Seconds until the last node has all of so many bytes. */
export type Prediction = (bytes: number) => number;

/** Of each node of a tree, by its index: how the stream comes to it. */
interface Arrival {
  /** Until it has the first unit, without the time that bytes take. */
  readonly delaySeconds: Float64Array;
  /** What a byte of the first unit takes: each node has it whole before it goes on. */
  readonly secondsPerByte: Float64Array;
  /** The narrowest place on the way. */
  readonly bytesPerSecond: Float64Array;
}

/** The login node is of no group: its own link is all that it shares. */
const NO_GROUP = 0;

export class CostModel {
  readonly #groups = new Map<string, number>();
  readonly #groupCount: number;

  constructor(
    { groups }: Cluster,
    private readonly network: NetworkCosts,
  ) {
    this.#groupCount = 1 + groups.length;
    for (const [i, { proxy, slaves }] of groups.entries())
      for (const name of [proxy, ...slaves]) this.#groups.set(name, i + 1);
  }

  /**
   * Every edge of the tree carries every byte once. What edges share is divided evenly among them: a node's own link
   * among its children, a group's uplink among the edges that cross it in the same direction. Links are full duplex.
   */
  predict(tree: Tree): Prediction {
    const { delaySeconds, secondsPerByte, bytesPerSecond } = this.#arrivals(tree);
    return (bytes) => {
      const unit = Math.min(bytes, CHUNK_SIZE_BYTES);
      let last = 0;
      for (let node = 1; node < tree.names.length; node++) {
        const fill = (delaySeconds[node] as number) + unit * (secondsPerByte[node] as number);
        last = Math.max(last, fill + (bytes - unit) / (bytesPerSecond[node] as number));
      }
      return last;
    };
  }

  #arrivals(tree: Tree): Arrival {
    const count = tree.names.length;
    const delaySeconds = new Float64Array(count);
    const secondsPerByte = new Float64Array(count);
    const bytesPerSecond = new Float64Array(count).fill(Infinity);
    const groups = Int32Array.from(tree.names, (name) => this.#groups.get(name) ?? NO_GROUP);
    const { incoming, outgoing } = this.#crossings(tree, groups);
    const { latencySeconds, hopCostSeconds, uplinkBytesPerSecond, groupBytesPerSecond } = this.network;
    for (const [parent, children] of tree.children.entries()) {
      const link = parent === 0 ? this.network.loginBytesPerSecond : groupBytesPerSecond;
      const linkShare = Math.min(link / children.length, groupBytesPerSecond);
      const from = groups[parent] as number;
      for (const [turn, child] of children.entries()) {
        const to = groups[child] as number;
        const sharers = from === to ? 0 : Math.max(outgoing[from] as number, incoming[to] as number);
        const rate = Math.min(linkShare, uplinkBytesPerSecond / sharers);
        delaySeconds[child] = (delaySeconds[parent] as number) + (turn + 1) * latencySeconds + hopCostSeconds;
        secondsPerByte[child] = (secondsPerByte[parent] as number) + 1 / rate;
        bytesPerSecond[child] = Math.min(bytesPerSecond[parent] as number, rate);
      }
    }
    return { delaySeconds, secondsPerByte, bytesPerSecond };
  }

  /** By group: edges that bring the stream into it through its uplink, and edges that carry it out. */
  #crossings(tree: Tree, groups: Int32Array): { incoming: Int32Array; outgoing: Int32Array } {
    const incoming = new Int32Array(this.#groupCount);
    const outgoing = new Int32Array(this.#groupCount);
    for (let child = 1; child < groups.length; child++) {
      const parent = tree.parents[child] as number;
      const [from, to] = [groups[parent] as number, groups[child] as number];
      if (from === to) continue;
      (incoming[to] as number)++;
      if (from !== NO_GROUP) (outgoing[from] as number)++;
    }
    return { incoming, outgoing };
  }
}

/**
 * In seconds: what every broadcast takes at least. Each byte has to leave the login node, to enter each group through
 * its uplink and each node through its link; and with each message the nodes that have heard of the job at most double.
 * Literature: max(S/B, L·log2 N) for S bytes to N nodes.
 */
export function lowerBound(network: NetworkCosts, nodeCount: number, bytes: number): number {
  const { latencySeconds, loginBytesPerSecond, uplinkBytesPerSecond, groupBytesPerSecond } = network;
  const rounds = Math.ceil(Math.log2(nodeCount + 1));
  const narrowest = Math.min(loginBytesPerSecond, uplinkBytesPerSecond, groupBytesPerSecond);
  return Math.max(bytes / narrowest, latencySeconds * rounds);
}
