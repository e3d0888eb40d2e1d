/** What a job on the login node is made of, and what it needs from the session that runs it. */
import type { Link } from '../transport/link.js';
import type { JobSpec } from '../wire/job.js';
import type { Progress } from '../wire/messages.js';
import type { Deployment } from './deployment.js';
import type { LossSettings } from './membership.js';
import type { StallSettings } from './stall-policies.js';
import type { StorageDeliveryOptions } from './storage-delivery.js';
import type { TimelineKeeper } from './timeline.js';

export interface LoginJobPort {
  connect(node: string): Promise<Link>;
  onOutput(node: string, stream: 'stdout' | 'stderr', bytes: Buffer): void | Promise<void>;
  onProgress(progress: Progress): void;
  /** A node has the urgent part. */
  onUrgent(node: string): void;
  /** The first node's task takes standard input: so many bytes more. */
  onInputCredit(bytes: number): void;
  /** The whole layer is on every node: borrowed proxies may go back. */
  onDelivered(): void;
  /** For the user to read. */
  onWarning(text: string): void;
  /** The job is given up: its end waits for nobody who does not take its output. */
  onFailed(): void;
}

export interface LoginJobOptions {
  readonly spec: Omit<JobSpec, 'subtree'>;
  readonly deployment: Deployment;
  readonly timeline: TimelineKeeper;
  /** Goes on until the whole layer is everywhere, even when the tasks end before. */
  readonly complete: boolean;
  /** For so long a node whose link was lost may come back. */
  readonly recoveryDeadlineMs: number;
  readonly repairDelayMs: number;
  readonly stall: StallSettings;
  readonly loss: LossSettings;
  /** Where it has the shared storage, if that is its method. */
  readonly storage?: StorageDeliveryOptions;
  readonly port: LoginJobPort;
}
