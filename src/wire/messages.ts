/**
 * The messages of a job on a link, after `job` (job.ts). Down: units, standard input, signals, the tree, the end. Up: what a
 * child holds, what it waits for, what happened, output, progress, completion. Both ways: what is settled
 * (transport/job-channel.ts).
 *
 * A *unit* is what travels and is verified as one: the document's pieces are units 0 … P−1, chunk c is unit P + c.
 */
import type { ErrorRecord } from '../base/errors.js';
import { ACKNOWLEDGED_AT_ONCE_MAX, HAVE_NUMBERS_MAX, NODES_MAX, WANT_RANGES_MAX } from '../base/limits.js';
import { decodeAccount } from './account.js';
import type { Account } from './account.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';
import { decodeJobName, decodeSubtree, encodeSubtree } from './job.js';
import type { Subtree } from './job.js';
import { decodePresentWaits } from './waits.js';
import type { PresentWaits } from './waits.js';

/** What one node tells about itself, once each. */
export type NodeEventName =
  | 'begun'
  | 'urgent'
  | 'launched'
  | 'firstRead'
  | 'delivered'
  | 'exited'
  | 'failed'
  /** Told by the parent: without a link, for longer than a moment; with one again; too slow for a relay; given up. */
  | 'away'
  | 'back'
  | 'slow'
  | 'lost';
const EVENT_NAMES: readonly NodeEventName[] = [
  'begun',
  'urgent',
  'launched',
  'firstRead',
  'delivered',
  'exited',
  'failed',
  'away',
  'back',
  'slow',
  'lost',
];

/** What a node really uses for a job. */
export interface ServingAccount {
  readonly hook: string;
  readonly engine: string;
  readonly layout: string;
}

export interface NodeEvent {
  readonly node: string;
  readonly event: NodeEventName;
  /** `exited`: the task's status. */
  readonly status?: number;
  /** `launched`: what serves it. */
  readonly serving?: ServingAccount;
  /** `failed`, `away`, `lost`: why. */
  readonly error?: ErrorRecord;
}

/** Sums over a subtree. */
export interface Progress {
  readonly nodes: number;
  readonly urgentBytes: number;
  readonly hystereticBytes: number;
  readonly launched: number;
  readonly exited: number;
}

/** Where bytes belong: of which node's stream, and how many of that stream were before them. */
export interface OutputPlace {
  readonly node: string;
  readonly stream: 'stdout' | 'stderr';
  readonly at: number;
}

export type JobMessage =
  /** `opened`: the sender has read the document, so that this tells of the chunks, too. */
  | {
      readonly t: 'have';
      readonly job: string;
      readonly ranges: readonly number[];
      readonly opened: boolean;
    }
  /** [first, count, …] of units that somebody waits for, the first ones first: to be sent before their turn. */
  | { readonly t: 'want'; readonly job: string; readonly ranges: readonly number[] }
  | { readonly t: 'unit'; readonly job: string; readonly unit: number }
  /** `at`: so many bytes of the node's standard input were before it. Settled when the task has taken it. */
  | {
      readonly t: 'stdin';
      readonly job: string;
      readonly node: string;
      readonly at: number;
      readonly eof: boolean;
    }
  /** So many segments are on the shared storage, whole. A later number is never lower. */
  | { readonly t: 'stored'; readonly job: string; readonly segments: number }
  | { readonly t: 'signal'; readonly job: string; readonly signal: string }
  /** What is to be put in its place is written everywhere: it appears. May come more than once. */
  | { readonly t: 'publish'; readonly job: string }
  | { readonly t: 'end'; readonly job: string; readonly error?: ErrorRecord }
  /** Who is below the receiver from now on. A lower epoch than it knows says nothing any more. */
  | { readonly t: 'tree'; readonly job: string; readonly epoch: number; readonly subtree: Subtree }
  /** The sender has another parent than the receiver. */
  | { readonly t: 'moved'; readonly job: string }
  /** The sender is the receiver's parent no more; another one may come. */
  | { readonly t: 'parted'; readonly job: string }
  | { readonly t: 'events'; readonly job: string; readonly events: readonly NodeEvent[] }
  /** `at`: so many bytes of the node's stream were before it. Settled when the command has taken it. */
  | ({ readonly t: 'output'; readonly job: string } & OutputPlace)
  | ({ readonly t: 'progress'; readonly job: string } & Progress)
  /** Reads that wait now, here and below. */
  | ({ readonly t: 'waits'; readonly job: string } & PresentWaits)
  | { readonly t: 'delivered'; readonly job: string }
  | ({ readonly t: 'account'; readonly job: string } & Account)
  | { readonly t: 'gone'; readonly job: string }
  /** These messages of that session are in safe hands. */
  | {
      readonly t: 'settled';
      readonly job: string;
      readonly of: string;
      readonly sequences: readonly number[];
    };

export function encodeMessage(message: JobMessage): Header {
  if (message.t === 'tree') return { ...message, subtree: encodeSubtree(message.subtree) };
  return message as unknown as Header;
}

export function decodeMessage(header: Header): JobMessage {
  const fields = new Fields(header);
  const job = decodeJobName(fields);
  const t = fields.oneOf('t', Object.keys(DECODERS) as (keyof typeof DECODERS)[]);
  return DECODERS[t](job, fields);
}

const DECODERS = {
  have: (job, f) => ({
    t: 'have',
    job,
    ranges: f.counts('ranges', HAVE_NUMBERS_MAX),
    opened: f.flag('opened'),
  }),
  want: (job, f) => ({ t: 'want', job, ranges: f.counts('ranges', 2 * WANT_RANGES_MAX) }),
  unit: (job, f) => ({ t: 'unit', job, unit: f.count('unit') }),
  stdin: (job, f) => ({
    t: 'stdin',
    job,
    node: f.text('node', 256),
    at: f.count('at'),
    eof: f.flag('eof'),
  }),
  stored: (job, f) => ({ t: 'stored', job, segments: f.count('segments') }),
  signal: (job, f) => ({ t: 'signal', job, signal: f.signal('signal') }),
  publish: (job) => ({ t: 'publish', job }),
  end: (job, f) => ({ t: 'end', job, ...optionalError(f) }),
  tree: (job, f) => ({ t: 'tree', job, epoch: f.count('epoch'), subtree: decodeSubtree(f) }),
  moved: (job) => ({ t: 'moved', job }),
  parted: (job) => ({ t: 'parted', job }),
  events: (job, f) => ({ t: 'events', job, events: f.objects('events', NODES_MAX).map(decodeEvent) }),
  output: (job, f) => ({
    t: 'output',
    job,
    node: f.text('node', 256),
    stream: f.oneOf('stream', ['stdout', 'stderr']),
    at: f.count('at'),
  }),
  progress: (job, f) => ({
    t: 'progress',
    job,
    nodes: f.count('nodes'),
    urgentBytes: f.count('urgentBytes'),
    hystereticBytes: f.count('hystereticBytes'),
    launched: f.count('launched'),
    exited: f.count('exited'),
  }),
  waits: (job, f) => ({ t: 'waits', job, ...decodePresentWaits(f) }),
  delivered: (job) => ({ t: 'delivered', job }),
  account: (job, f) => ({ t: 'account', job, ...decodeAccount(f) }),
  gone: (job) => ({ t: 'gone', job }),
  settled: (job, f) => ({
    t: 'settled',
    job,
    of: f.text('of', 64),
    sequences: f.counts('sequences', ACKNOWLEDGED_AT_ONCE_MAX),
  }),
} satisfies { [T in JobMessage['t']]: (job: string, fields: Fields) => JobMessage };

function optionalError(fields: Fields): { error?: ErrorRecord } {
  return fields.optionalObject('error') ? { error: fields.errorRecord('error') } : {};
}

function decodeEvent(fields: Fields): NodeEvent {
  const status = fields.optionalCount('status', 255);
  const serving = fields.optionalObject('serving');
  return {
    node: fields.text('node', 256),
    event: fields.oneOf('event', EVENT_NAMES),
    ...(status === undefined ? {} : { status }),
    ...(serving ? { serving: decodeServing(serving) } : {}),
    ...optionalError(fields),
  };
}

function decodeServing(fields: Fields): ServingAccount {
  return {
    hook: fields.text('hook', 64),
    engine: fields.text('engine', 64),
    layout: fields.text('layout', 64),
  };
}
