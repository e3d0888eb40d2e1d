/**
 * What a parent tells a child about a job: who runs what, how to verify what will come, and the subtree below.
 * Each child is sent its own subtree only (paper, section 3.3.2: the tree travels with the files).
 */
import {
  DIGEST_SIZE_BYTES,
  DOCUMENT_PIECES_MAX,
  FRAME_BODY_MAX_BYTES,
  MANIFEST_ENCODED_MAX_BYTES,
  NODES_MAX,
  STORAGE_KEY_BYTES,
  TRACED_NODES_MAX,
  TREE_DEPTH_MAX,
} from '../base/limits.js';
import { TeesError } from '../base/errors.js';
import { Fields, environmentList } from './fields.js';
import type { Header } from './frame.js';
import { decodePlacement } from './placement.js';
import type { PlacementSpec } from './placement.js';
import { decodeResident } from './resident.js';
import type { ResidentSpec } from './resident.js';

const ARGUMENTS_MAX = 100_000;
/** (uid_t) -1 means "leave it" to setresuid(2). */
const ID_MAX = 0xffff_fffe;

export interface Subtree {
  readonly name: string;
  /** False for a borrowed proxy node: it relays and runs nothing. */
  readonly runs: boolean;
  /** It has answered to this job before, by whatever parent: it must not begin it anew. */
  readonly known: boolean;
  readonly children: readonly Subtree[];
}

export interface StoragePlace {
  readonly name: string;
  /** STORAGE_KEY_BYTES. */
  readonly key: Buffer;
}

export interface JobSpec {
  readonly job: string;
  /** The submitting user, as the login node's kernel knows them. */
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The node whose task has the command's standard input. The others' is at its end from the start. */
  readonly inputNode: string;
  /** Those that tell what the command opens while it starts (docs/decisions/0013-learning.md). */
  readonly tracedNodes: readonly string[];
  readonly hook: string;
  readonly fuseEngine: string;
  readonly layout: string;
  /** Whether a read that waits brings its file forward. Without it only what that gains can be measured. */
  readonly demand: boolean;
  /** When nothing has come for so long, and what then happens to those who wait (config/config.ts). */
  readonly stallDeadlineMs: number;
  readonly onStall: string;
  /** The shipping document (manifest and sending order): bytes of each piece (image/pieces.ts), and their SHA-256. */
  readonly documentLengths: readonly number[];
  readonly documentDigests: Buffer;
  /** Bytes of content, so that a node can say at once whether they fit. */
  readonly contentBytes: number;
  /** Units do not come by links but lie on the shared storage, in a directory of this name, encrypted by this key. */
  readonly storage?: StoragePlace;
  /** What is carried is put there, and nothing runs; without it, it is the upper layer of an environment. */
  readonly placement?: PlacementSpec;
  /** Nothing runs: the environment is there for tasks that the resource manager starts. */
  readonly resident?: ResidentSpec;
  /** Counts the changes of the tree: who comes with a lower number was the parent, and is no more. */
  readonly epoch: number;
  /** The subtree whose root is the receiver. */
  readonly subtree: Subtree;
}

/** @param again the receiver has answered to this job before, so that it may not begin it anew */
export function encodeJob(spec: JobSpec, again: boolean): Header {
  const subtree = encodeSubtree(spec.subtree);
  return { t: 'job', ...spec, again, env: environmentList(spec.env), subtree };
}

export function decodeAgain(header: Header): boolean {
  return new Fields(header).flag('again');
}

/** Whether both are one job; its tree below may have changed. */
export function isSameJob(a: JobSpec, b: JobSpec): boolean {
  return (
    a.job === b.job &&
    a.uid === b.uid &&
    a.subtree.name === b.subtree.name &&
    a.documentDigests.equals(b.documentDigests) &&
    a.argv.length === b.argv.length &&
    a.argv.every((word, index) => word === b.argv[index])
  );
}

export function decodeJob(header: Header): JobSpec {
  const fields = new Fields(header);
  const placement = fields.optionalObject('placement');
  const resident = fields.optionalObject('resident');
  const documentLengths = fields.counts('documentLengths', DOCUMENT_PIECES_MAX, FRAME_BODY_MAX_BYTES);
  const documentBytes = documentLengths.reduce((sum, length) => sum + length, 0);
  if (documentBytes === 0) throw refused('it has no document');
  if (documentBytes > MANIFEST_ENCODED_MAX_BYTES) throw refused('its document is too large');
  const documentDigests = fields.bytes('documentDigests', DOCUMENT_PIECES_MAX * DIGEST_SIZE_BYTES);
  if (documentDigests.length !== documentLengths.length * DIGEST_SIZE_BYTES) {
    throw refused('its document digests do not fit its pieces');
  }
  return {
    job: decodeJobName(fields),
    uid: fields.count('uid', ID_MAX),
    gid: fields.count('gid', ID_MAX),
    groups: fields.counts('groups', 65_536, ID_MAX),
    argv: fields.argv('argv', ARGUMENTS_MAX),
    env: fields.environment('env', ARGUMENTS_MAX),
    cwd: fields.text('cwd'),
    inputNode: fields.text('inputNode', 256),
    tracedNodes: fields.texts('tracedNodes', TRACED_NODES_MAX, 256),
    hook: fields.text('hook', 64),
    fuseEngine: fields.text('fuseEngine', 64),
    layout: fields.text('layout', 64),
    demand: fields.flag('demand'),
    stallDeadlineMs: fields.count('stallDeadlineMs'),
    onStall: fields.text('onStall', 64),
    documentLengths,
    documentDigests,
    contentBytes: fields.count('contentBytes'),
    ...decodeStorage(fields.optionalObject('storage')),
    ...(placement ? { placement: decodePlacement(placement) } : {}),
    ...(resident ? { resident: decodeResident(resident) } : {}),
    epoch: fields.count('epoch'),
    subtree: decodeSubtree(fields),
  };
}

function decodeStorage(fields: Fields | undefined): { storage?: StoragePlace } {
  if (!fields) return {};
  const name = fields.text('name', 64);
  const key = fields.bytes('key', STORAGE_KEY_BYTES);
  if (!/^[A-Za-z0-9_-]+$/.test(name) || key.length !== STORAGE_KEY_BYTES)
    throw refused('its place on the shared storage is none');
  return { storage: { name, key } };
}

/**
 * What every node would refuse is refused before it is sent: a node that is sent it closes the link, with all that
 * other jobs have on it. @throws TeesError MESSAGE_INVALID
 */
export function checkJob(spec: Omit<JobSpec, 'subtree'>): void {
  const subtree = { name: '', runs: true, known: false, children: [] };
  decodeJob(encodeJob({ ...spec, subtree }, false));
}

/** A job's name becomes a directory's: letters, digits, dot, dash, underscore, and no leading dot. */
export function decodeJobName(fields: Fields): string {
  const job = fields.text('job', 64);
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(job)) {
    throw new TeesError('MESSAGE_INVALID', 'a message was refused: its job has a malformed name');
  }
  return job;
}

export function encodeSubtree(tree: Subtree): Header {
  return { n: tree.name, r: tree.runs, k: tree.known, c: tree.children.map(encodeSubtree) };
}

/** The field `subtree`. @throws TeesError MESSAGE_INVALID */
export function decodeSubtree(fields: Fields): Subtree {
  return decodeTree(fields.object('subtree'), new Set(), 0);
}

/** A tree: a node that stood twice in it would be its own parent, or have two. */
function decodeTree(fields: Fields, names: Set<string>, depth: number): Subtree {
  const name = fields.text('n', 256);
  if (names.has(name)) throw refused('a node stands twice in its tree');
  names.add(name);
  if (names.size > NODES_MAX || depth > TREE_DEPTH_MAX) throw refused('its tree exceeds the limits');
  return {
    name,
    runs: fields.flag('r'),
    known: fields.flag('k'),
    children: fields.objects('c', NODES_MAX).map((child) => decodeTree(child, names, depth + 1)),
  };
}

function refused(why: string): TeesError {
  return new TeesError('MESSAGE_INVALID', `a job was refused: ${why}`);
}

export function isSameTree(a: Subtree, b: Subtree): boolean {
  return (
    a.name === b.name &&
    a.children.length === b.children.length &&
    a.children.every((child, index) => isSameTree(child, b.children[index] as Subtree))
  );
}

/** Edges from its root to the farthest node. */
export function heightOf(tree: Subtree): number {
  return tree.children.reduce((height, child) => Math.max(height, 1 + heightOf(child)), 0);
}

/** Every node of a subtree, its root first. */
export function* nodesOf(tree: Subtree): Generator<Subtree> {
  yield tree;
  for (const child of tree.children) yield* nodesOf(child);
}
