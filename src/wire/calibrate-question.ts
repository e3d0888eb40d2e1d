/**
 * What root asks the login daemon about the network: `calibrate`, whose answer is the JSON of a `CalibrationFacts`, with
 * `doing` before it at each step; and `useNetwork`, that the figures in the configuration file hold from now on.
 */
import { usageError } from '../base/errors.js';
import { TRIAL_DURATION_MAX_MS, TRIAL_DURATION_MIN_MS } from '../base/limits.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';

export type CalibrateRequest =
  | {
      readonly t: 'calibrate';
      /** Host list; all nodes without it. */
      readonly nodes?: string;
      /** Of each transfer. */
      readonly durationMs: number;
    }
  | { readonly t: 'useNetwork' };

export type CalibrateAnswer =
  | { readonly t: 'doing'; readonly text: string }
  | { readonly t: 'calibrated' }
  /** From this file. */
  | { readonly t: 'networkUsed'; readonly file: string };

export interface SampleFact {
  readonly place: string;
  readonly value: number;
}

/** Seconds, or bytes a second. */
export interface ParameterFact {
  /** Below `network` in the configuration. */
  readonly key: string;
  readonly configured: number;
  /** Left out where it could not be. */
  readonly measured?: number;
  /** The parameter is this or more: something else was the narrowest place. */
  readonly isLeast: boolean;
  readonly samples: readonly SampleFact[];
}

export interface CalibrationFacts {
  readonly parameters: readonly ParameterFact[];
  readonly slow: readonly (SampleFact & { readonly what: string; readonly median: number })[];
  /** What was not measured, and why; what may have disturbed. */
  readonly remarks: readonly string[];
  readonly groups: { readonly measured: number; readonly of: number };
  readonly took: number;
  /** What the daemon has read: its configuration. */
  readonly file: string;
}

const KINDS = ['calibrate', 'useNetwork'] as const;

export function isCalibrateRequest(header: Header): boolean {
  return (KINDS as readonly unknown[]).includes(header['t']);
}

/** @throws TeesError MESSAGE_INVALID, TRIAL_DURATION_INVALID */
export function decodeCalibrateRequest(header: Header): CalibrateRequest {
  const fields = new Fields(header);
  const t = fields.oneOf('t', KINDS);
  if (t === 'useNetwork') return { t };
  const durationMs = fields.count('durationMs');
  if (durationMs < TRIAL_DURATION_MIN_MS || durationMs > TRIAL_DURATION_MAX_MS)
    throw usageError('TRIAL_DURATION_INVALID', `a transfer cannot be timed for ${durationMs / 1000} s`, {
      hint: `From ${TRIAL_DURATION_MIN_MS / 1000} to ${TRIAL_DURATION_MAX_MS / 1000} s.`,
    });
  const nodes = fields.optionalText('nodes', 1 << 20);
  return { t, durationMs, ...(nodes === undefined ? {} : { nodes }) };
}

/** @throws TeesError MESSAGE_INVALID */
export function decodeDoing(header: Header): string {
  return new Fields(header).text('text');
}
