/** What is known of a job when it is over: the JSON of `tees run --report FILE` (DESIGN.md, schema 1). */
import type { UncoveredProgram } from '../planning/uncovered.js';

export const REPORT_SCHEMA = 1;

/** Seconds since submission; absent when it never happened. */
export interface Timeline {
  readonly scanned?: number;
  readonly split?: number;
  readonly planned?: number;
  readonly urgentDelivered?: number;
  readonly launched?: number;
  /** The first read that had blocked has returned. */
  readonly firstRead?: number;
  readonly hystereticDelivered?: number;
  readonly exited?: number;
}

export interface BlockedRead {
  readonly node: string;
  /** Inside the environment. */
  readonly path: string;
  /** When it began, in seconds since the launch of the node's task. */
  readonly at: number;
  readonly seconds: number;
}

/** A node's task, in seconds by that node's own clock. */
export interface TaskTimes {
  /** From its launch to its end. */
  readonly ran: number;
  /** Of that, with at least one read blocked. */
  readonly waited: number;
  /** Reads that have blocked. */
  readonly waits: number;
  readonly first?: Omit<BlockedRead, 'node'>;
}

export interface UplinkUse {
  readonly group: string;
  readonly proxy: string;
  /** Bytes that crossed the group's uplink while the job's layer travelled, towards the group and out of it. */
  readonly inBytes: number;
  readonly outBytes: number;
}

/** A node that was lost. */
export interface Loss {
  readonly node: string;
  /** Seconds since submission. */
  readonly at: number;
  /** From the login node to it. */
  readonly path: readonly string[];
  readonly code: string;
  readonly message: string;
  /** The spare node that has taken its place. */
  readonly replacement?: string;
}

/** What a run of a command has waited for. */
export interface Waited {
  /** Different files. */
  readonly files: number;
  /** With at least one read blocked, on average over the nodes. */
  readonly seconds: number;
}

/** What earlier runs of the same command have told, and what it was good for. */
export interface LearningUse {
  /** Of the urgent part, because an earlier run has read it at start-up. */
  readonly urgent: { readonly files: number; readonly bytes: number };
  /** Of the hysteretic part, sent first for the same reason. */
  readonly first: { readonly files: number; readonly bytes: number };
  /** The last run; absent when there was none. */
  readonly before?: Waited;
  readonly now: Waited;
}

/** The tree's shape, and how long everything takes to be everywhere: in seconds since the tree was planned. */
export interface TreePlanUse {
  readonly shape: string;
  /** By the cost model (planning/cost-model.ts). Absent where the layer does not travel along the tree. */
  readonly predicted?: number;
  /** What no tree can beat, by the same model. */
  readonly bound: number;
  /** Absent when not everything came everywhere. */
  readonly achieved?: number;
}

export interface Report {
  readonly schema: typeof REPORT_SCHEMA;
  readonly job: string;
  readonly command: readonly string[];
  readonly method: string;
  readonly plan: TreePlanUse;
  readonly hook: string;
  readonly engine: string;
  readonly layout: string;
  readonly nodes: readonly string[];
  readonly borrowed: readonly string[];
  readonly lost: readonly string[];
  /** How they were lost, in order of time. */
  readonly losses: readonly Loss[];
  readonly files: { readonly total: number; readonly urgent: number; readonly hysteretic: number };
  readonly bytes: {
    readonly manifest: number;
    readonly urgent: number;
    readonly hysteretic: number;
    /** By the login node. */
    readonly sent: number;
    /** Not sent, because it was on the node before: of all nodes together. */
    readonly reused: number;
    /** Sums over `uplinks`. */
    readonly uplinkIn: number;
    readonly uplinkOut: number;
  };
  readonly uplinks: readonly UplinkUse[];
  /** The largest over the nodes. */
  readonly timeline: Timeline;
  readonly perNode: Readonly<Record<string, Timeline>>;
  /** Of the nodes where the command was launched. */
  readonly tasks: Readonly<Record<string, TaskTimes>>;
  /** The longest waits first; of very many, the longest. */
  readonly blocked: readonly BlockedRead[];
  /** Programs that began when everything had arrived, because the hook does not reach them. */
  readonly uncovered?: readonly UncoveredProgram[];
  /** What was put where, and on which nodes it is in its place; absent where a command was run. */
  readonly placement?: { readonly destination: string; readonly nodes: readonly string[] };
  /** Absent with `--no-learn`. */
  readonly learning?: LearningUse;
  readonly exit: Readonly<Record<string, number>>;
  readonly errors: readonly { readonly code: string; readonly message: string; readonly node?: string }[];
}
