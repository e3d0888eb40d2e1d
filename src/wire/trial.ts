/**
 * Timed transfers on a link, for `tees calibrate`: units that mean nothing, received, verified and kept as a job's are, and
 * confirmed one by one. Down: `trial`, `trialUnit`, `trialEnd`. Up: `trialReady` or `trialFailed`, `trialGot` of the
 * receiver and of those below it; from a node that is the source itself `trialled`.
 */
import { TeesError } from '../base/errors.js';
import type { ErrorRecord } from '../base/errors.js';
import {
  CHUNK_SIZE_BYTES,
  DIGEST_SIZE_BYTES,
  TRIAL_DURATION_MAX_MS,
  TRIAL_NODES_MAX,
  TRIAL_UNITS_MAX,
} from '../base/limits.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';
import { decodeSubtree, encodeSubtree, nodesOf } from './job.js';
import type { Subtree } from './job.js';

export interface TrialPlan {
  /** A unit is sent when so many before it, and no more, are not confirmed by everybody below. */
  readonly window: number;
  readonly unitsMax: number;
  /** After that no unit is sent any more. */
  readonly durationMs: number;
}

/** What the source saw of one receiver: microseconds since it began. */
export interface TrialTimes {
  readonly node: string;
  /** Of each unit that was sent towards it. */
  readonly sent: readonly number[];
  /** Of each confirmation. */
  readonly got: readonly number[];
}

export type TrialMessage =
  | ({
      readonly t: 'trial';
      readonly id: string;
      readonly subtree: Subtree;
      /** The receiver sends the units, and does not wait for any. */
      readonly source: boolean;
      /** SHA-256 of every unit. */
      readonly digest: Buffer;
    } & TrialPlan)
  | { readonly t: 'trialReady'; readonly id: string }
  | { readonly t: 'trialUnit'; readonly id: string; readonly n: number }
  | { readonly t: 'trialGot'; readonly id: string; readonly n: number; readonly node: string }
  | { readonly t: 'trialEnd'; readonly id: string }
  | { readonly t: 'trialled'; readonly id: string; readonly times: readonly TrialTimes[] }
  | { readonly t: 'trialFailed'; readonly id: string; readonly error: ErrorRecord };

export type TrialStart = Extract<TrialMessage, { t: 'trial' }>;

export const TRIAL_UNIT_BYTES = CHUNK_SIZE_BYTES;
const ID_LENGTH_MAX = 64;

const DECODERS = {
  trial: (id, fields) => {
    const subtree = decodeSubtree(fields);
    if ([...nodesOf(subtree)].length > TRIAL_NODES_MAX) throw refused('its tree is too large');
    const digest = fields.bytes('digest', DIGEST_SIZE_BYTES);
    if (digest.length !== DIGEST_SIZE_BYTES) throw refused('it has no digest');
    return {
      t: 'trial',
      id,
      subtree,
      source: fields.flag('source'),
      digest,
      window: fields.count('window', TRIAL_UNITS_MAX),
      unitsMax: fields.count('unitsMax', TRIAL_UNITS_MAX),
      durationMs: fields.count('durationMs', TRIAL_DURATION_MAX_MS),
    };
  },
  trialReady: (id) => ({ t: 'trialReady', id }),
  trialUnit: (id, fields) => ({ t: 'trialUnit', id, n: fields.count('n', TRIAL_UNITS_MAX) }),
  trialGot: (id, fields) => ({
    t: 'trialGot',
    id,
    n: fields.count('n', TRIAL_UNITS_MAX),
    node: fields.text('node', 256),
  }),
  trialEnd: (id) => ({ t: 'trialEnd', id }),
  trialled: (id, fields) => ({
    t: 'trialled',
    id,
    times: fields.objects('times', TRIAL_NODES_MAX).map((each) => ({
      node: each.text('node', 256),
      sent: each.counts('sent', TRIAL_UNITS_MAX),
      got: each.counts('got', TRIAL_UNITS_MAX),
    })),
  }),
  trialFailed: (id, fields) => ({ t: 'trialFailed', id, error: fields.errorRecord('error') }),
} satisfies { [T in TrialMessage['t']]: (id: string, fields: Fields) => TrialMessage };

const KINDS = Object.keys(DECODERS) as TrialMessage['t'][];

export function isTrialMessage(header: Header): boolean {
  return (KINDS as readonly unknown[]).includes(header['t']);
}

export function encodeTrial(message: TrialMessage): Header {
  if (message.t === 'trial') return { ...message, subtree: encodeSubtree(message.subtree) };
  return message;
}

/** @throws TeesError MESSAGE_INVALID */
export function decodeTrial(header: Header): TrialMessage {
  const fields = new Fields(header);
  const t = fields.oneOf('t', KINDS);
  return DECODERS[t](fields.text('id', ID_LENGTH_MAX), fields);
}

function refused(why: string): TeesError {
  return new TeesError('MESSAGE_INVALID', `a trial was refused: ${why}`);
}
