/**
 * What a job does with its layer on a node, from the job's begin to its end: an environment with a task in it
 * (job-environment.ts), or a tree that is put in its place (job-placement.ts). Steps come in this order; `remove` may come
 * at any time, and ends what is under way.
 */
import type { Manifest } from '../image/manifest.js';
import type { ServingUse } from '../serving/hooks.js';
import type { Arrivals } from '../store/arrivals.js';
import type { JobStore } from '../store/job-store.js';
import type { OpenedFile } from '../wire/opened.js';
import type { PresentWaits } from '../wire/waits.js';
import type { Cargo } from './cargo.js';
import type { EntranceFacts } from './entrance.js';
import type { TaskInput } from './task-input.js';

export interface LayerUse {
  /** Standard input on its way to a task. */
  readonly input: TaskInput;
  /** What a task has opened while it started, when it has ended and that was asked for. */
  readonly opened: readonly OpenedFile[] | undefined;
  /** What serves a task, from `prepare` on; undefined where there is none. */
  readonly serving: ServingUse | undefined;
  /** The job's directory: it is removed in the end. @throws TeesError JOB_EXISTS: it is another's */
  claim(): void;
  /** Room for the contents. */
  openStore(manifest: Manifest, arrivals: Arrivals): Promise<JobStore>;
  /** Whatever can be put in place before contents are here. */
  prepare(manifest: Manifest): Promise<void>;
  /** @returns how long a task has run already, in milliseconds; undefined where there is none */
  launch(): Promise<number | undefined>;
  /** The way in for tasks of the node, once it is launched. @throws TeesError ENVIRONMENT_FAILED */
  entrance(): EntranceFacts;
  /** @returns the status with which the node's part has ended */
  finished(): Promise<number>;
  /** The status is known where it matters. */
  release(): void;
  /** Everything has arrived: what a task opens from now on needs neither hook nor daemon. */
  retireHook(): void;
  signal(signal: NodeJS.Signals): void;
  /** It is written on every node: now it may appear. */
  publish(): void;
  /** What was carried is in its place; undefined where there is none. */
  readonly placed: boolean | undefined;
  /** The reads that wait now. @param cargo undefined before the document has been read */
  waits(cargo: Cargo | undefined): PresentWaits;
  /** Ends what runs and removes everything; of very many files some may still be on their way out. */
  remove(): Promise<void>;
  /** From `remove` on: when the last of its files is gone. */
  readonly removed: Promise<void>;
}
