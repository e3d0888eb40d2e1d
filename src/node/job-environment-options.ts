/** What the environment of one job on a node is given, and whom it tells. */
import type { Log } from '../base/log.js';
import type { Allowance } from '../config/allowances.js';
import type { Removals } from '../environment/removals.js';
import type { UncoveredProgram } from '../planning/uncovered.js';
import type { ServingChoice } from '../serving/hooks.js';
import type { ContentCache } from '../store/content-cache.js';
import type { Settle } from '../transport/job-channel.js';
import type { JobSpec } from '../wire/job.js';
import type { JobRecord } from './job-record.js';

export interface JobEnvironmentOptions {
  readonly spec: JobSpec;
  readonly node: string;
  readonly bind: readonly string[];
  readonly allow: readonly Allowance[];
  readonly memoryBytes?: number;
  readonly processes?: number;
  /** What this node takes where the job leaves it open. */
  readonly serving: ServingChoice;
  /** Directories of the daemon's own that no environment shows. */
  readonly hidden: readonly string[];
  /** In the job's directory, below the node's store. */
  readonly record: JobRecord;
  /** An earlier daemon had the job: what it has put in place is used. */
  readonly restored: boolean;
  readonly removals: Removals;
  readonly cache: ContentCache;
  readonly log: Log;
  /** @param at so many bytes of the stream were before these, which are kept by the launcher until they are settled */
  onOutput(stream: 'stdout' | 'stderr', at: number, bytes: Buffer, settled: Settle): Promise<void>;
  /** A program of the task waits for everything. */
  onUncovered?(program: UncoveredProgram): void;
}
