/**
 * The cluster's configuration, `tees.yaml`: one file for every daemon and command of a cluster.
 * `parse.ts` makes it from text and answers with file, line and key when it is wrong.
 */
import type { Cluster } from '../topology/cluster.js';
import type { NetworkCosts } from '../topology/network.js';
import type { Allowance } from './allowances.js';

/** How reads of files still on their way are made to wait. */
export const HOOKS = ['fuse', 'preload'] as const;
export type HookName = (typeof HOOKS)[number];
/** What serves the hook `fuse`; the table of engines is in `serving/`. */
export const FUSE_ENGINES = ['tees', 'fuse-native'] as const;
export type FuseEngineName = (typeof FUSE_ENGINES)[number];
/** How a job's layers are stacked on a node; the table of layouts is in `environment/`. `auto`: by what it can. */
export const LAYOUTS = ['auto', 'stacked', 'data-only'] as const;
export type LayoutChoice = (typeof LAYOUTS)[number];
export type LayoutName = Exclude<LayoutChoice, 'auto'>;

/** What happens to those who wait when a job's stream has stalled (`login/stall-policies.ts`, `node/stall-guard.ts`). */
export const STALL_POLICIES = ['wait', 'error', 'cancel'] as const;
export type StallPolicyName = (typeof STALL_POLICIES)[number];

/** Of the tree: the cost model's choice, or the paper's fixed width (topology/shapes.ts has the others). */
export const SHAPE_CHOICES = ['auto', 'paper'] as const;
export type ShapeChoice = (typeof SHAPE_CHOICES)[number];

/** What a lost node means to its job (`login/membership.ts`): its end, or that it goes on without, or with a spare. */
export const LOSS_POLICIES = ['stop', 'continue', 'replace'] as const;
export type LossPolicyName = (typeof LOSS_POLICIES)[number];

/** Whose jobs' tasks come into environments by themselves (resource-manager/). */
export const RESOURCE_MANAGERS = ['none', 'slurm', 'pbs'] as const;
export type ResourceManagerName = (typeof RESOURCE_MANAGERS)[number];

/** By what the daemons know each other. */
export const AUTHENTICATIONS = ['key', 'munge'] as const;
export type Authentication = (typeof AUTHENTICATIONS)[number];

/** `tree.threshold: never`: no number of nodes is enough for P2P. */
export const THRESHOLD_NEVER = Number.MAX_SAFE_INTEGER;

/** A directory on a file system that the login node and all compute nodes mount. */
export interface SharedStorage {
  readonly directory: string;
  /** It has failed when it has not answered a request for so long. */
  readonly deadlineMs: number;
}

/** Where devices are. */
export const DEVICES = '/dev/';

/** Private environments of users on the login node. */
export interface Environments {
  /** Where they are kept. */
  readonly directory: string;
  /** Paths of the login node that show through; ~ is the user's home, and what begins with ? may be missing. */
  readonly bind: readonly string[];
  /** Devices of the login node, and directories of such: /dev/NAME, where NAME may be a pattern (glob(7)). */
  readonly devices: readonly string[];
  /** Subordinate ids for those to whom the node gives none. */
  readonly ids: { readonly first: number; readonly count: number };
  /** Of all of a user's together; undefined: not bounded. */
  readonly memoryBytes?: number;
  readonly processes?: number;
  readonly diskBytes?: number;
}

export interface Config {
  /** The file it came from; error messages name it. */
  readonly file: string;
  readonly cluster: Cluster;
  /** TCP port of every daemon. */
  readonly port: number;
  readonly authentication: Authentication;
  /** The file with the cluster key: 32 bytes or more, readable by root alone. Of no use with munge. */
  readonly keyFile: string;
  readonly tree: {
    /** Children per node at most (the paper's W). */
    readonly width: number;
    /** Children of the login node at most, where the shape is not the paper's. */
    readonly rootWidth: number;
    readonly shape: ShapeChoice;
    /** From this many nodes on P2P, below it shared storage, if there is any. */
    readonly thresholdNodes: number;
  };
  readonly store: {
    /** Where a node keeps jobs' contents; below it one directory a job. */
    readonly directory: string;
    readonly sizeBytes: number;
    /** Of it, so much may hold what earlier jobs have brought. */
    readonly cacheBytes: number;
  };
  /** Undefined: there is none. */
  readonly sharedStorage?: SharedStorage;
  /** Undefined: there are none. */
  readonly environments?: Environments;
  /** Unix sockets and what lives as long as the daemon. */
  readonly runtimeDirectory: string;
  readonly hook: HookName;
  readonly fuseEngine: FuseEngineName;
  readonly layout: LayoutChoice;
  readonly network: NetworkCosts & {
    /** The interface of a proxy node that faces the upper topology; its byte counters go into the report. */
    readonly uplinkInterface?: string;
  };
  readonly environment: {
    /** Paths of the node that show through into every environment, writable as permissions allow. */
    readonly bind: readonly string[];
    /** What tasks may ask the kernel for, beside what everybody may. */
    readonly allow: readonly Allowance[];
    /** Of a user's tasks on a node together; undefined: not bounded. */
    readonly memoryBytes?: number;
    readonly processes?: number;
  };
  readonly resourceManager: ResourceManagerName;
  /** Where each daemon tells figures of itself; undefined: nowhere. */
  readonly metrics?: { readonly host: string; readonly port: number };
  readonly learning: {
    /** Of what earlier runs of a command have read at start-up, so much goes into its urgent part. */
    readonly budgetBytes: number;
  };
  /** A job that has moved no byte for this long has stalled. */
  readonly stallDeadlineMs: number;
  /** A node whose link was lost may come back for so long; 0: it is lost with its link. */
  readonly recoveryDeadlineMs: number;
  /** After so long without a link, those below a node get another parent. */
  readonly repairDelayMs: number;
  /** A link by which nothing at all comes for so long is dead. */
  readonly silenceDeadlineMs: number;
  /** And what happens then, on all its nodes. */
  readonly onStall: StallPolicyName;
}

/** What holds where the file says nothing; width and threshold are among the limits. */
export const DEFAULTS = {
  configFile: '/etc/tees/tees.yaml',
  port: 7611,
  authentication: 'key',
  keyFile: '/etc/tees/cluster.key',
  storeDirectory: '/var/lib/tees',
  storeSizeBytes: 8 * 2 ** 30,
  storageDeadlineMs: 30_000,
  runtimeDirectory: '/run/tees',
  resourceManager: 'none',
  hook: 'fuse',
  fuseEngine: 'tees',
  layout: 'auto',
  shape: 'auto',
  latencyNs: 50_000,
  hopCostNs: 1_000_000,
  bandwidthBits: 10e9,
  bind: ['/home', '/tmp'],
  environmentBind: ['~', '/tmp', '?/run/systemd/resolve', '?/run/munge', '?/run/nscd'],
  environmentDevices: [
    // Accelerators (NVIDIA, AMD, Intel, what the kernel calls so), and the networks and shared memory that MPI goes by.
    ...['/dev/nvidia*', '/dev/gdrdrv', '/dev/kfd', '/dev/dri', '/dev/accel'],
    ...['/dev/infiniband', '/dev/cxi*', '/dev/hfi1_*', '/dev/xpmem', '/dev/knem'],
  ],
  environmentIds: { first: 0x6000_0000, count: 0x1000_0000 },
  environmentProcesses: 4096,
  learningBudgetBytes: 128 * 2 ** 20,
  stallDeadlineMs: 60_000,
  recoveryDeadlineMs: 10_000,
  repairDelayMs: 2_000,
  silenceDeadlineMs: 15_000,
  onStall: 'cancel',
} as const satisfies Record<string, unknown>;
