/** What a strategy builds a transport tree from, and the tree it gives. */
import type { Cluster } from './cluster.js';

export interface TreeInput {
  readonly cluster: Cluster;
  /** The job's nodes, by name. */
  readonly nodes: readonly string[];
  /** Children a node at most (the paper's W). */
  readonly width: number;
  /** Whether a proxy node that is no node of the job may be borrowed. */
  readonly isIdle: (proxy: string) => boolean;
  /** For `random`: the same seed gives the same tree. */
  readonly seed?: number;
}

/** A transport tree, as every strategy builds it. Index 0 is the root, the login node; parents precede children. */
export interface Tree {
  readonly names: readonly string[];
  /** Index of the parent; -1 for the root. */
  readonly parents: readonly number[];
  readonly children: readonly (readonly number[])[];
  /** Proxy nodes that are no nodes of the job, taken while they were idle. They relay and run nothing. */
  readonly borrowed: readonly string[];
  /** Slave nodes whose proxy node is not in the tree. */
  readonly orphans: readonly string[];
  /** Edges from the root to the farthest node. */
  readonly depth: number;
}
