/**
 * The blocking hook's server side, as every engine implements it: it makes a directory tree appear at
 * `directory` in which `.tees/ID` is content ID, readable as soon as it has arrived; an open before that waits
 * (at open, never at read: FINDINGS, rule 1). Names are not its business: the names layer above refers here.
 */
import type { TeesError } from '../base/errors.js';
import type { UncoveredProgram } from '../planning/uncovered.js';
import type { Arrivals } from '../store/arrivals.js';

export interface HookContext {
  /** Of the job: `contents` and `served` are in it, and whatever an engine keeps for a daemon that comes later. */
  readonly jobDirectory: string;
  /** An empty directory; after `start` the served tree is there. */
  readonly directory: string;
  readonly contentCount: number;
  /** Apparent size of a content in bytes. */
  sizeOf(content: number): number;
  /** The path of the arrived content's file in the store. */
  pathOf(content: number): string;
  readonly arrivals: Arrivals;
  /** What served has gone without having been stopped: whoever waited has got an error. */
  onGone?(error: TeesError): void;
  /** Whose the environment is: for hooks that are asked by its processes. */
  readonly job?: JobIdentity;
  /** A program waits for everything, because the hook does not reach it. */
  onUncovered?(program: UncoveredProgram): void;
}

export interface JobIdentity {
  readonly uid: number;
  /** What the job's overlay is mounted as: `tees-JOB`. */
  readonly source: string;
}

export interface HookServer {
  readonly engine: string;
  /** Whether lseek(SEEK_HOLE) on a served file finds its holes. */
  readonly reportsHoles: boolean;
  /** @throws TeesError HOOK_UNAVAILABLE, HOOK_FAILED */
  start(): Promise<void>;
  /**
   * Instead of `start`: what an earlier daemon started in this job's directory goes on. Whoever waits there is made
   * known to `arrivals`.
   * @throws TeesError HOOK_FAILED when nothing serves there, or the engine ends with its daemon
   */
  resume(): Promise<void>;
  /** Opens of what has not arrived fail with EIO: those that wait, and later ones, until `unfail`. */
  fail(): void;
  unfail(): void;
  /** Lets go and leaves it serving, for a later `resume`. An engine that ends with its daemon does nothing. */
  detach(): void;
  /** Fails whoever still waits, and unmounts. Safe to call twice, and after a failed start. */
  stop(): Promise<void>;
}

export type HookFactory = (context: HookContext) => HookServer;
