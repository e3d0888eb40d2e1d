/** What a node tells of its part of a job when that is over. */
import { PATH_MAX_BYTES, TRACE_PACKED_MAX_BYTES } from '../base/limits.js';
import type { Fields } from './fields.js';
import { contentWaitsField } from './learning.js';

export interface BlockedPath {
  readonly path: string;
  /** When it began, in seconds since the launch of the node's task. */
  readonly at: number;
  readonly seconds: number;
}

/** A node's task, in seconds by that node's clock. */
export interface TaskAccount {
  /** From its launch to its end. */
  readonly ran: number;
  /** Of that, with at least one read blocked. */
  readonly waited: number;
  /** Reads that have blocked. */
  readonly waits: number;
  readonly first?: BlockedPath;
}

export interface UncoveredAccount {
  /** Inside the environment. */
  readonly path: string;
  readonly reason: string;
}

/** A node's account when its part of the job is over. */
export interface Account {
  readonly node: string;
  readonly blocked: readonly BlockedPath[];
  /** The contents waited for, in the order in which the task asked; as `encodeContentWaits` makes it. */
  readonly waits: readonly number[];
  /** What the task opened while it started; as `packOpened` makes it. Where that was asked for and is known. */
  readonly opened?: Buffer;
  /** When it was launched. */
  readonly task?: TaskAccount;
  /** Bytes that were on the node before the job, and were not sent. */
  readonly reusedBytes?: number;
  /** What was carried is in its place. */
  readonly placed?: boolean;
  /** Programs that waited for everything, because the hook does not reach them. */
  readonly uncovered?: readonly UncoveredAccount[];
  /** Proxy nodes: what crossed the uplink while the layer travelled. */
  readonly uplink?: { readonly inBytes: number; readonly outBytes: number };
}

const BLOCKED_PER_NODE_MAX = 1000;
export const UNCOVERED_PER_NODE_MAX = 20;
const BLOCKED_PATHS_MAX_BYTES = 256 * 1024;

/** @throws TeesError MESSAGE_INVALID */
export function decodeAccount(fields: Fields): Account {
  const task = fields.optionalObject('task');
  const uplink = fields.optionalObject('uplink');
  const reusedBytes = fields.optionalCount('reusedBytes');
  const uncovered = fields.optionalObjects('uncovered', UNCOVERED_PER_NODE_MAX);
  return {
    node: fields.text('node', 256),
    blocked: fields.objects('blocked', BLOCKED_PER_NODE_MAX).map(decodeWait),
    waits: contentWaitsField(fields, 'waits'),
    ...(fields.has('opened') ? { opened: fields.bytes('opened', TRACE_PACKED_MAX_BYTES) } : {}),
    ...(task ? { task: decodeTask(task) } : {}),
    ...(reusedBytes === undefined ? {} : { reusedBytes }),
    ...(fields.has('placed') ? { placed: fields.flag('placed') } : {}),
    ...(uncovered.length > 0 ? { uncovered: uncovered.map(decodeUncovered) } : {}),
    ...(uplink ? { uplink: { inBytes: uplink.count('inBytes'), outBytes: uplink.count('outBytes') } } : {}),
  };
}

function decodeUncovered(fields: Fields): UncoveredAccount {
  return { path: fields.text('path', 4 * PATH_MAX_BYTES), reason: fields.text('reason', 64) };
}

function decodeWait(fields: Fields): BlockedPath {
  return {
    path: fields.text('path', 4 * PATH_MAX_BYTES),
    at: fields.number('at'),
    seconds: fields.number('seconds'),
  };
}

function decodeTask(fields: Fields): TaskAccount {
  const first = fields.optionalObject('first');
  return {
    ran: fields.number('ran'),
    waited: fields.number('waited'),
    waits: fields.count('waits'),
    ...(first ? { first: decodeWait(first) } : {}),
  };
}

/** The longest waits, as many as an account may hold and a frame can. */
export function longestWaits(waits: readonly BlockedPath[], max = BLOCKED_PER_NODE_MAX): BlockedPath[] {
  let bytes = 0;
  return [...waits]
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, max)
    .filter(({ path }) => (bytes += Buffer.byteLength(path)) <= BLOCKED_PATHS_MAX_BYTES);
}
