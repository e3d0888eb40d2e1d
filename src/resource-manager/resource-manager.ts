/**
 * What the resource manager of a site says of jobs. One object each; what another would have to provide is this interface, and
 * a line in `resource-managers.ts` (docs/resource-managers.md).
 */
export interface Allocation {
  /** In the manager's order, each once. */
  readonly nodes: readonly string[];
  /** The manager's own name of it. */
  readonly job: string;
}

/** A job as the manager knows it. */
export interface ManagedJob {
  /** Whose it is. */
  readonly uid: number;
  /** Names as in the configuration. */
  readonly nodes: readonly string[];
  /** It has its nodes, and has not begun to end. */
  readonly runs: boolean;
  /** The manager's own name of the array whose task it is. */
  readonly array?: string;
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
  /**
   * By the manager's own word, which no user can forge: as root of the login node.
   * @returns those of the jobs that it knows
   * @throws TeesError RESOURCE_MANAGER_SILENT
   */
  lookUp(jobs: readonly string[]): Promise<Map<string, ManagedJob>>;
  /**
   * The nodes of an array's tasks that run now, those of each task. Only of a manager whose jobs have an `array`.
   * @throws TeesError RESOURCE_MANAGER_SILENT
   */
  taskNodes?(array: string): Promise<readonly string[]>;
  /**
   * Nodes that are in service and have no job of the manager's.
   * @returns names as in the configuration
   * @throws TeesError RESOURCE_MANAGER_SILENT
   */
  idleNodes(): Promise<ReadonlySet<string>>;
}
