/**
 * What an embedded cluster can be asked for, with its defaults: checked here once, in the owner, so that nothing
 * has been started when a value is wrong.
 */
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { usageError } from '../base/errors.js';
import {
  DAEMON_READY_DEADLINE_MS,
  EMULATED_GROUPS_MAX,
  EMULATED_GROUP_SIZE_MAX,
  SOCKET_PATH_MAX_BYTES,
} from '../base/limits.js';
import { SIZE_SYNTAX, parseSize } from '../config/quantities.js';

export interface ClusterOptions {
  /** Where the cluster's files are. Without it a temporary directory, removed with everything in it at the end. */
  readonly stateDirectory?: string;
  /** Default 2. */
  readonly groups?: number;
  /** Nodes a group, its proxy included. Default 8. */
  readonly groupSize?: number;
  /** Rate of each proxy's uplink, both ways, for example 400mbit (the default) or `unlimited`. */
  readonly uplink?: string;
  /** Rate of the login node's link. Default `unlimited`. */
  readonly loginUplink?: string;
  /**
   * Rate of the link of a storage node, or `unlimited`: there is one then, whose directory all nodes mount as the
   * configuration's shared storage. Default: none.
   */
  readonly storage?: string;
  /** Whether users have private environments on the login node; kept in the cluster's directory. Default false. */
  readonly environments?: boolean;
  /** A real Slurm on its nodes; environments then have the login node's network. Default false. */
  readonly slurm?: boolean;
  /** Size of a compute node's store, for example 2GiB (the default). */
  readonly storeSize?: string;
  /** In the cluster's directory instead of in memory; their size is then not enforced. Default false. */
  readonly storesOnDisk?: boolean;
  /** Of it, so much may hold what earlier jobs have brought. Default 0: each job is sent everything. */
  readonly storeCache?: string;
  /** Whether the logs outlive the cluster. Default: if `stateDirectory` is given. */
  readonly keepLogs?: boolean;
  /**
   * What runs on every node; gets `--role node|login --config FILE --node NAME --state DIR --runtime DIR
   * --ready-fd 3` and writes `ready` and a newline to that descriptor when it serves. Default: this `tees daemon`.
   */
  readonly daemonCommand?: readonly string[];
  readonly readyDeadlineMs?: number;
  /** Whether a compute node's daemon that a signal has killed is started again. Default true. */
  readonly restart?: boolean;
  /** Keys of `tees.yaml` that are to be otherwise than an embedded cluster has them, for example `stallDeadline`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly onProgress?: (progress: Progress) => void;
}

/** `network`: namespaces and links are there; `nodes`: this many of `total` daemons serve; `slurm`: so many take jobs. */
export interface Progress {
  readonly step: 'network' | 'nodes' | 'slurm';
  readonly done: number;
  readonly total: number;
}

/** What becomes of the state directory: all of it goes, also what others have put there, only if we named it. */
export const CLUSTER_ENDS = ['keep-logs', 'drop-logs', 'remove'] as const;
export type ClusterEnd = (typeof CLUSTER_ENDS)[number];

/** The options, checked and complete: what the supervisor is told. */
export interface ClusterSpecification {
  readonly stateDirectory: string;
  readonly groups: number;
  readonly groupSize: number;
  /** Bits per second; undefined: unlimited. */
  readonly uplinkBitsPerSecond?: number;
  readonly loginUplinkBitsPerSecond?: number;
  readonly storage?: { readonly bitsPerSecond?: number };
  readonly environments: boolean;
  readonly slurm: boolean;
  readonly storeSizeBytes: number;
  readonly storesOnDisk: boolean;
  readonly storeCacheBytes: number;
  readonly end: ClusterEnd;
  readonly daemonCommand: readonly string[];
  readonly readyDeadlineMs: number;
  readonly restart: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
}

const LONGEST_SOCKET = '/nodes/cn2047/run/tees.sock';
const STORE_MIN_BYTES = 2 ** 20;
const STORE_MAX_BYTES = 2 ** 50;
const RATE_UNITS: Record<string, number> = { kbit: 1e3, mbit: 1e6, gbit: 1e9 };

/** `XDG_RUNTIME_DIR/tees-cluster-UID`, or the same in /tmp. */
export function defaultStateDirectory(): string {
  return join(process.env['XDG_RUNTIME_DIR'] ?? '/tmp', `tees-cluster-${process.getuid?.() ?? 0}`);
}

/** A new name below the system's temporary directory. */
export function temporaryStateDirectory(): string {
  return join(tmpdir(), `tees-cluster-${randomBytes(6).toString('hex')}`);
}

/**
 * @param stateDirectory an absolute path, chosen by the caller when the options name none
 * @throws TeesError CLUSTER_OPTION_INVALID
 */
export function specify(options: ClusterOptions, stateDirectory: string): ClusterSpecification {
  const uplink = parseRate('uplink', options.uplink ?? '400mbit');
  const loginUplink = parseRate('login-uplink', options.loginUplink ?? 'unlimited');
  return {
    stateDirectory: checkStateDirectory(stateDirectory),
    groups: checkCount('groups', options.groups ?? 2, EMULATED_GROUPS_MAX),
    groupSize: checkCount('group-size', options.groupSize ?? 8, EMULATED_GROUP_SIZE_MAX),
    ...(uplink === undefined ? {} : { uplinkBitsPerSecond: uplink }),
    ...(loginUplink === undefined ? {} : { loginUplinkBitsPerSecond: loginUplink }),
    ...(options.storage === undefined ? {} : { storage: storageOf(options.storage) }),
    environments: options.environments ?? false,
    slurm: options.slurm ?? false,
    storeSizeBytes: checkSize('store-size', options.storeSize ?? '2GiB'),
    storesOnDisk: options.storesOnDisk ?? false,
    storeCacheBytes: checkSize('store-cache', options.storeCache ?? '0', 0),
    end: endOf(options),
    daemonCommand: options.daemonCommand ?? defaultDaemonCommand(),
    readyDeadlineMs: options.readyDeadlineMs ?? DAEMON_READY_DEADLINE_MS,
    restart: options.restart ?? true,
    settings: options.settings ?? {},
  };
}

function storageOf(text: string): { bitsPerSecond?: number } {
  const rate = parseRate('storage', text);
  return rate === undefined ? {} : { bitsPerSecond: rate };
}

function endOf({ stateDirectory, keepLogs }: ClusterOptions): ClusterEnd {
  if (keepLogs ?? stateDirectory !== undefined) return 'keep-logs';
  return stateDirectory === undefined ? 'remove' : 'drop-logs';
}

/** Node itself, not a shell around it: 65 of them start at once. The flag keeps each daemon's heap small. */
export function nodeCommand(script: string): string[] {
  return [process.execPath, '--max-semi-space-size=2', '--disable-warning=ExperimentalWarning', script];
}

function defaultDaemonCommand(): string[] {
  return [...nodeCommand(new URL('../cli/main.js', import.meta.url).pathname), 'daemon'];
}

function checkStateDirectory(directory: string): string {
  const path = resolve(directory);
  const longest = Buffer.byteLength(path) + LONGEST_SOCKET.length;
  if (longest > SOCKET_PATH_MAX_BYTES) {
    throw usageError('CLUSTER_OPTION_INVALID', 'the path of the state directory is too long', {
      path,
      hint: `Sockets lie in it, and Linux takes ${SOCKET_PATH_MAX_BYTES} bytes a socket path: choose a path of at most ${SOCKET_PATH_MAX_BYTES - LONGEST_SOCKET.length} bytes.`,
    });
  }
  if (/[\x00-\x1f\x7f]/.test(path))
    throw invalid('state', JSON.stringify(path), 'a path without control characters');
  return path;
}

function checkCount(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw invalid(name, String(value), `a whole number from 1 to ${max}`);
}

/** 400mbit, 1.5gbit, 64kbit, unlimited. */
export function parseRate(name: string, text: string): number | undefined {
  if (text === 'unlimited') return undefined;
  const match = /^(\d+(?:\.\d+)?)(kbit|mbit|gbit)$/.exec(text);
  const rate = match ? Math.round(Number(match[1]) * (RATE_UNITS[match[2] ?? ''] ?? NaN)) : NaN;
  if (rate >= 8000 && rate <= 1e12) return rate;
  throw invalid(name, text, 'a rate of 8kbit to 1000gbit such as 400mbit or 1.5gbit, or `unlimited`');
}

function checkSize(name: string, text: string, leastBytes = STORE_MIN_BYTES): number {
  const size = parseSize(text);
  if (size !== undefined && size >= leastBytes && size <= STORE_MAX_BYTES) return size;
  throw invalid(name, text, leastBytes > 0 ? `${SIZE_SYNTAX}, from 1MiB on` : SIZE_SYNTAX);
}

function invalid(name: string, value: string, wanted: string): Error {
  return usageError('CLUSTER_OPTION_INVALID', `--${name} ${value}: wanted is ${wanted}`);
}
