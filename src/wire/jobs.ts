/**
 * What a command asks the login daemon about jobs, as the first and only message of a connection: `status` (of one, or
 * of all that the asker may see), `cancelJob`. The answer is one frame, then `over`.
 */
import { Fields } from './fields.js';
import type { Header } from './frame.js';
import { decodeJobName } from './job.js';
import type { ResidentSpec } from './resident.js';
import type { PresentWait } from './waits.js';

export type JobsRequest =
  { readonly t: 'status'; readonly job?: string } | { readonly t: 'cancelJob'; readonly job: string };

export type JobsAnswer =
  /** The body is the JSON of a `JobStatus[]`. */
  | { readonly t: 'statusOf' }
  /** Nothing of it is left. */
  | { readonly t: 'cancelled'; readonly job: string; readonly nodes: number; readonly seconds: number };

export type JobPhase = 'scanning' | 'splitting' | 'planning' | 'streaming' | 'delivered' | 'ending';

/** A job as the login node knows it at this moment. Times in seconds. */
export interface JobStatus {
  readonly job: string;
  /** Who submitted it. */
  readonly uid: number;
  readonly command: readonly string[];
  /** As it was asked for. */
  readonly nodes: string;
  readonly phase: JobPhase;
  readonly age: number;
  /** The job of a resource manager for whose tasks it is, instead of for a command of its own. */
  readonly resident?: ResidentSpec;
  /** When the stream has begun. */
  readonly stream?: StreamStatus;
}

export interface StreamStatus {
  readonly nodes: number;
  readonly launched: number;
  readonly exited: number;
  /** On all nodes that carry the layer, together. */
  readonly bytes: number;
  readonly bytesTotal: number;
  readonly urgentBytes: number;
  readonly urgentTotal: number;
  readonly bytesPerSecond: number;
  /** Left out when nothing flows. */
  readonly remaining?: number;
  readonly stall: {
    readonly policy: string;
    readonly deadline: number;
    /** For so long nothing has moved. */
    readonly quiet: number;
    readonly stalled: boolean;
  };
  /** Nodes that are without a link now and may come back, with what is below them. */
  readonly away: readonly string[];
  readonly lost: readonly string[];
  /** Reads that wait now: how many contents on how many nodes they wait for, and the longest of them. */
  readonly waiting: number;
  readonly waits: readonly PresentWait[];
}

const KINDS = ['status', 'cancelJob'] as const;

export function isJobsRequest(header: Header): boolean {
  return (KINDS as readonly unknown[]).includes(header['t']);
}

/** @throws TeesError MESSAGE_INVALID */
export function decodeJobsRequest(header: Header): JobsRequest {
  const fields = new Fields(header);
  const t = fields.oneOf('t', KINDS);
  if (t === 'cancelJob') return { t, job: decodeJobName(fields) };
  return fields.optionalText('job', 64) === undefined ? { t } : { t, job: decodeJobName(fields) };
}

/** @throws TeesError MESSAGE_INVALID */
export function decodeCancelled(header: Header): Extract<JobsAnswer, { t: 'cancelled' }> {
  const fields = new Fields(header);
  const t = fields.oneOf('t', ['cancelled']);
  return { t, job: decodeJobName(fields), nodes: fields.count('nodes'), seconds: fields.number('seconds') };
}
