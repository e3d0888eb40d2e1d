/**
 * The empty-file check on a link (paper, section 3.6). Down: `probe`, with the subtree of the receiver, and `echo`. Up:
 * `echoed` at once, and `probed`, what was found below. It belongs to no job, and leaves nothing on a node.
 */
import type { ErrorRecord, TeesError } from '../base/errors.js';
import { PROBED_AT_ONCE_MAX, PROBE_ECHOES, PROBE_TIMEOUT_MAX_MS } from '../base/limits.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';
import { decodeSubtree, encodeSubtree } from './job.js';
import type { Subtree } from './job.js';

/** Why a hop failed, for those who count and draw; the error has it in words. */
export const HOP_FAILURES = [
  /** Its host says that nobody listens there. */
  'refused',
  /** Nothing comes back, or no way leads there. */
  'unreachable',
  /** The host takes the connection, or has it, and the daemon says nothing. */
  'silent',
  /** It has another cluster key, or munge's; another version; another name. */
  'key',
  'version',
  'address',
  /** The link broke meanwhile. */
  'lost',
  'other',
] as const;
export type HopFailureReason = (typeof HOP_FAILURES)[number];

export interface HopFailure {
  readonly reason: HopFailureReason;
  readonly error: ErrorRecord;
}

/** What a parent has found out about the hop to one child. Times in microseconds. */
export interface ProbedHop {
  readonly node: string;
  /** Of echoes, in their order; none when it failed. */
  readonly roundTrips: readonly number[];
  /** Until the link was open and authenticated; left out when it was before. */
  readonly connect?: number;
  readonly failure?: HopFailure;
}

export type ProbeMessage =
  | { readonly t: 'probe'; readonly id: string; readonly timeoutMs: number; readonly subtree: Subtree }
  | { readonly t: 'echo'; readonly id: string; readonly n: number }
  | { readonly t: 'echoed'; readonly id: string; readonly n: number }
  | { readonly t: 'probed'; readonly id: string; readonly hops: readonly ProbedHop[] };

const KINDS = ['probe', 'echo', 'echoed', 'probed'] as const;
const ID_LENGTH_MAX = 64;
/** So that as many hops as go into one message fit into its header. */
const ERROR_SHOWN_CHARACTERS = 500;

export function isProbeMessage(header: Header): boolean {
  return (KINDS as readonly unknown[]).includes(header['t']);
}

export function encodeProbe(message: ProbeMessage): Header {
  if (message.t === 'probe') return { ...message, subtree: encodeSubtree(message.subtree) };
  return message;
}

/** @throws TeesError MESSAGE_INVALID */
export function decodeProbe(header: Header): ProbeMessage {
  const fields = new Fields(header);
  const t = fields.oneOf('t', KINDS);
  const id = fields.text('id', ID_LENGTH_MAX);
  switch (t) {
    case 'probe':
      return {
        t,
        id,
        timeoutMs: fields.count('timeoutMs', PROBE_TIMEOUT_MAX_MS),
        subtree: decodeSubtree(fields),
      };
    case 'probed':
      return { t, id, hops: fields.objects('hops', PROBED_AT_ONCE_MAX).map(decodeHop) };
    default:
      return { t, id, n: fields.count('n', PROBE_ECHOES) };
  }
}

function decodeHop(fields: Fields): ProbedHop {
  const connect = fields.optionalCount('connect');
  const failure = fields.optionalObject('failure');
  return {
    node: fields.text('node', 256),
    roundTrips: fields.counts('roundTrips', PROBE_ECHOES),
    ...(connect === undefined ? {} : { connect }),
    ...(failure ? { failure: decodeFailure(failure) } : {}),
  };
}

function decodeFailure(fields: Fields): HopFailure {
  return { reason: fields.oneOf('reason', HOP_FAILURES), error: brief(fields.errorRecord('error')) };
}

function brief({ code, message, node }: ErrorRecord): ErrorRecord {
  const short = message.slice(0, ERROR_SHOWN_CHARACTERS);
  return { code, message: short, ...(node === undefined ? {} : { node }) };
}

/** What is known of a host that has answered when it was called. */
const DIALLED: ReadonlySet<HopFailureReason> = new Set(['refused', 'silent']);

const REASON_OF_CODE: Readonly<Record<string, HopFailureReason>> = {
  KEY_REJECTED: 'key',
  CREDENTIAL_REJECTED: 'key',
  AUTHENTICATION_DIFFERS: 'key',
  VERSION_MISMATCH: 'version',
  NODE_MISADDRESSED: 'address',
  NODE_SILENT: 'silent',
  LINK_SILENT: 'silent',
  AUTHENTICATION_TIMEOUT: 'silent',
  LINK_LOST: 'lost',
  ECONNREFUSED: 'refused',
};

/** Of an error of links (transport/links.ts): it, or what caused it, has a code that says why. */
export function hopFailure(error: TeesError): HopFailure {
  const [outermost, ...causes] = codesOf(error);
  const known = [outermost, ...causes].flatMap((code) => REASON_OF_CODE[code ?? ''] ?? []);
  const deepest = known.at(-1) ?? 'other';
  // A connection that was never there has not been lost.
  const reason = outermost === 'NODE_UNREACHABLE' && !DIALLED.has(deepest) ? 'unreachable' : deepest;
  return { reason, error: brief(error.toRecord()) };
}

/** The codes of an error and of its causes, the outermost first. */
function* codesOf(error: unknown): Generator<string> {
  for (let at = error; at instanceof Error; at = at.cause) yield (at as { code?: string }).code ?? '';
}
