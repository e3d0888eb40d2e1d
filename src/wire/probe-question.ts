/**
 * What a command asks the login daemon about the network, as the first and only message of a connection: `probeNodes`. The
 * answer is the JSON of a `ProbeFacts`, in the bodies of as many frames as it takes, then `over`.
 */
import { FILE_SIZE_MAX_BYTES, PROBE_TIMEOUT_MAX_MS, PROBE_TIMEOUT_MIN_MS } from '../base/limits.js';
import { usageError } from '../base/errors.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';
import type { HopFailureReason } from './probe.js';

export interface ProbeRequest {
  /** Host list. */
  readonly nodes: string;
  readonly timeoutMs: number;
  /** As a job that carries so many bytes would have them (api.ts, RunRequest). */
  readonly method: string;
  readonly shape?: string;
  readonly width?: number;
  readonly bytes: number;
}

export type ProbeAnswer = { readonly t: 'probeOf' };

/** Times in seconds. */
export interface ProbeFacts {
  /** All nodes have answered by the tree. */
  readonly ok: boolean;
  readonly method: string;
  readonly shape: string;
  /** Asked for, and borrowed proxy nodes that would be in the tree. */
  readonly nodes: number;
  readonly borrowed: readonly string[];
  readonly answered: number;
  readonly depth: number;
  readonly timeout: number;
  /** Until the last one had answered, or was given up. */
  readonly took: number;
  /** Those that have answered, parents before their children. */
  readonly hops: readonly HopFact[];
  readonly failures: readonly HopFailureFact[];
}

export interface HopFact {
  readonly node: string;
  readonly parent: string;
  /** 1 below the login node. */
  readonly level: number;
  readonly group: string;
  /** Of a few echoes. The least is the hop's own: whatever else goes on at its ends only adds to it. */
  readonly roundTrip: { readonly min: number; readonly median: number; readonly max: number };
  /** Until the link was open; left out when it was before. */
  readonly connect?: number;
}

export interface HopFailureFact {
  /** The farther end of the hop that failed. */
  readonly node: string;
  /** From the login node to it. */
  readonly path: readonly string[];
  readonly reason: HopFailureReason;
  readonly code: string;
  readonly message: string;
  /** When the login node called it by itself, past the tree. */
  readonly direct?: DirectFact;
  /** Not reached only because they are below it. */
  readonly below: readonly (DirectFact & { readonly node: string })[];
}

export interface DirectFact {
  readonly answers: boolean;
  readonly reason?: HopFailureReason;
  readonly message?: string;
}

export function isProbeRequest(header: Header): boolean {
  return header['t'] === 'probeNodes';
}

export function encodeProbeRequest(request: ProbeRequest): Header {
  return { t: 'probeNodes', ...request };
}

/** @throws TeesError MESSAGE_INVALID, PROBE_TIMEOUT_INVALID */
export function decodeProbeRequest(header: Header): ProbeRequest {
  const fields = new Fields(header);
  const timeoutMs = fields.count('timeoutMs');
  if (timeoutMs < PROBE_TIMEOUT_MIN_MS || timeoutMs > PROBE_TIMEOUT_MAX_MS)
    throw usageError('PROBE_TIMEOUT_INVALID', `a probe cannot take ${timeoutMs / 1000} s`, {
      hint: `From ${PROBE_TIMEOUT_MIN_MS / 1000} to ${PROBE_TIMEOUT_MAX_MS / 1000} s.`,
    });
  const shape = fields.optionalText('shape', 64);
  const width = fields.optionalNumber('width');
  return {
    nodes: fields.text('nodes', 1 << 20),
    timeoutMs,
    method: fields.text('method', 64),
    ...(shape === undefined ? {} : { shape }),
    ...(width === undefined ? {} : { width }),
    bytes: fields.count('bytes', FILE_SIZE_MAX_BYTES),
  };
}
