/** What a cluster's network gives a stream: the parameters of the cost model (planning/cost-model.ts). */
export interface NetworkCosts {
  /** From a node's sending a small message until its child has it. */
  readonly latencySeconds: number;
  /** What receiving, verifying and keeping a unit of CHUNK_SIZE_BYTES holds it up, on each node. */
  readonly hopCostSeconds: number;
  /** Of the login node's link, as its daemon fills it. */
  readonly loginBytesPerSecond: number;
  /** Of a group's uplink, each way; all of the group's nodes share it. */
  readonly uplinkBytesPerSecond: number;
  /** Of a compute node's own link, each way. */
  readonly groupBytesPerSecond: number;
}
