/**
 * What the resource manager of a site says of the job that a command runs in. One object each; what another would have to
 * provide is this interface, and a line in `resource-managers.ts`.
 */
export interface Allocation {
  /** In the manager's order, each once. */
  readonly nodes: readonly string[];
  /** The manager's own name of it. */
  readonly job: string;
}

export interface ResourceManager {
  /** As in messages. */
  readonly name: string;
  /**
   * @param environment of the process that asks
   * @returns undefined outside of its jobs
   * @throws TeesError ALLOCATION_UNREADABLE, HOSTLIST_MALFORMED
   */
  allocation(environment: NodeJS.ProcessEnv): Allocation | undefined;
}
