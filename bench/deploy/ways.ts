/** What the trial `deploy` compares, with which payloads, and what is aimed at. Data only. */
import type { MethodName } from '../../src/planning/method.js';
import type { ClusterShape } from '../trial.js';

export interface Way {
  readonly name: WayName;
  readonly title: string;
}

/** Those of TEES have the names of its methods. */
export type WayName = MethodName | 'sbcast';

/** In the order in which each round measures them. */
export const WAYS: readonly Way[] = [
  { name: 'p2p', title: 'topology-aware (p2p)' },
  { name: 'random', title: 'random P2P' },
  { name: 'one-to-all', title: 'one to all' },
  { name: 'shared', title: 'shared storage' },
  { name: 'sbcast', title: 'Slurm sbcast' },
];

/** Of the topology-aware method. */
export interface Aims {
  /** Times as fast as sbcast, at least. */
  readonly faster: number;
  /** Times the lower bound, at most. */
  readonly bound: number;
  /** By which part the bytes over all uplinks, in and out, are below those of each of these, at least. */
  readonly below: { readonly part: number; readonly than: readonly WayName[] };
}

const BELOW: Aims['below'] = { part: 0.85, than: ['sbcast', 'random'] };

export interface Payload {
  /** Of 1e6 bytes. */
  readonly megabytes: number;
  readonly rounds: { readonly full: number; readonly quick: number };
  /**
   * By which command of TEES: `bcast` does what sbcast does, and has the payload twice for a while, in the store and in
   * its place; `run` has it once, in an environment that is made for it.
   */
  readonly by: 'bcast' | 'run';
  readonly aims?: Aims;
}

export const PAYLOADS: readonly Payload[] = [
  { megabytes: 1, by: 'bcast', rounds: { full: 3, quick: 1 } },
  {
    megabytes: 16,
    by: 'bcast',
    rounds: { full: 3, quick: 1 },
    aims: { faster: 4, bound: 1.5, below: BELOW },
  },
  // Some of the ways take minutes for it.
  {
    megabytes: 333,
    by: 'run',
    rounds: { full: 1, quick: 0 },
    aims: { faster: 8, bound: 1.25, below: BELOW },
  },
];

/** Slow enough that the network is what is measured, and not the processors that all nodes share. */
export const SHAPE: ClusterShape = { groups: 8, groupSize: 8, uplink: '25mbit' };
/** As much as all uplinks together. */
export const STORAGE_LINK = '200mbit';

export interface Measured {
  /** From the plan, which is made when all is scanned, until the last node has everything. */
  readonly seconds: number;
  /** From submission on. */
  readonly submission: number;
  /** Over all uplinks, into the groups and out of them. */
  readonly inBytes: number;
  readonly outBytes: number;
  /** Of processors, by all processes of the cluster. Work of the network for them is only partly in it. */
  readonly processorSeconds: number;
  /** Of the machine's processors, by whatever ran on it, the part that was busy. */
  readonly busy: number;
}

/** What the figures are compared with. */
export interface Conditions {
  readonly uplinkBitsPerSecond: number;
  readonly processors: number;
}

/** What has failed is not there. */
export type Round = Partial<Record<WayName, Measured>>;

export interface PayloadResults {
  readonly payload: Payload;
  /** How many took part: fewer than there are where they all in memory would not fit. */
  readonly groups: number;
  readonly nodes: number;
  readonly rounds: readonly Round[];
  readonly asked: readonly WayName[];
}
