/** What is known of an embedded cluster that is up: the supervisor's view, and the host's, which adds host pids. */
export type ClusterPhase = 'starting' | 'up' | 'stopping';
export type NodeState = 'waiting' | 'starting' | 'up' | 'restarting' | 'down';

export interface UplinkCounters {
  readonly group: string;
  readonly proxy: string;
  /** Into the group since the cluster's start. */
  readonly inBytes: number;
  /** Out of the group. */
  readonly outBytes: number;
}

export interface LinkCounters {
  readonly inBytes: number;
  readonly outBytes: number;
}

export interface NetworkCounters {
  readonly uplinks: readonly UplinkCounters[];
  /** Into and out of the login node. */
  readonly login: LinkCounters;
  /** Into and out of the storage node, where there is one. */
  readonly storage?: LinkCounters;
}

export interface NodeStatus {
  readonly name: string;
  readonly role: 'login' | 'proxy' | 'slave';
  readonly group?: string;
  readonly address: string;
  readonly state: NodeState;
  /** The daemon's; as the reader of the status sees it. */
  readonly pid?: number;
  /** Resident memory. */
  readonly rssBytes?: number;
  /** Resident memory with shared pages divided among those who share them. */
  readonly pssBytes?: number;
  /** Whether `rssBytes` is more than a daemon may use (`memoryMaxBytes`). */
  readonly overMemory?: boolean;
  /** How often its daemon was started again after a signal had killed it. */
  readonly restarts: number;
  /** Of a node that is down: the daemon's exit status, or the signal that killed it. */
  readonly exit?: number | string;
}

export interface SlurmStatus {
  /** How many the cluster has started. */
  readonly daemons: number;
  /** Which of them have ended since, and where; nobody starts them again. */
  readonly ended: readonly string[];
}

export interface ClusterStatus extends NetworkCounters {
  readonly schema: 1;
  readonly stateDirectory: string;
  readonly phase: ClusterPhase;
  readonly supervisorPid: number;
  readonly uptimeSeconds: number;
  readonly memoryMaxBytes: number;
  readonly nodes: readonly NodeStatus[];
  /** Where there is one. */
  readonly slurm?: SlurmStatus;
}
