/**
 * The files of an embedded cluster, by name, and their end. Everything a cluster makes has one of these names, so
 * that the sweep removes nothing else when a user points --state at a directory of their own.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { TeesError, usageError } from '../base/errors.js';
import { CONFIG_FILE_NAME } from '../config/locate.js';
import type { ClusterEnd } from './options.js';

export interface NodeFiles {
  readonly directory: string;
  readonly store: string;
  readonly runtime: string;
  readonly log: string;
}

export class StateDirectory {
  readonly configFile: string;
  readonly keyFile: string;
  readonly controlSocket: string;
  /** Network namespaces are pinned here, on a tmpfs that only the cluster sees. */
  readonly namespaces: string;
  readonly nodes: string;
  /** Where all nodes mount what the storage node has in `storageRoot`, which is a tmpfs that only it sees. */
  readonly sharedMount: string;
  readonly storageRoot: string;
  readonly storageLog: string;
  /** Of users on the login node. */
  readonly environments: string;
  readonly supervisorLog: string;
  /** Slurm's files, and its logs. */
  readonly slurm: string;
  readonly slurmLogs: string;

  constructor(readonly path: string) {
    this.configFile = join(path, CONFIG_FILE_NAME);
    this.keyFile = join(path, 'cluster.key');
    this.controlSocket = join(path, 'control.sock');
    this.namespaces = join(path, 'net');
    this.nodes = join(path, 'nodes');
    this.sharedMount = join(path, 'shared');
    this.storageRoot = join(path, 'storage');
    this.storageLog = join(path, 'storage.log');
    this.environments = join(path, 'environments');
    this.supervisorLog = join(path, 'supervisor.log');
    this.slurm = join(path, 'slurm');
    this.slurmLogs = join(path, 'slurm-logs');
  }

  node(name: string): NodeFiles {
    const directory = join(this.nodes, name);
    return {
      directory,
      store: join(directory, 'store'),
      runtime: join(directory, 'run'),
      log: join(directory, 'daemon.log'),
    };
  }

  namespace(name: string): string {
    return join(this.namespaces, name);
  }

  /**
   * Makes the directory, or accepts one that nobody else can write to: /tmp is everybody's.
   * @throws TeesError CLUSTER_STATE_UNSAFE, CLUSTER_STATE_FAILED
   */
  claim(): void {
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o755 });
      const stat = lstatSync(this.path);
      if (stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0) return;
    } catch (error) {
      throw TeesError.from(error, 'CLUSTER_STATE_FAILED', { path: this.path });
    }
    throw usageError('CLUSTER_STATE_UNSAFE', 'the state directory is not a directory of your own', {
      path: this.path,
      hint: 'It must belong to you and be writable by nobody else. Choose another with --state DIR.',
    });
  }

  /** Removes what a cluster leaves. The control socket goes last: by it others see that a cluster is here. */
  sweep(end: ClusterEnd): void {
    const keepLogs = end === 'keep-logs';
    for (const name of readDirectory(this.nodes)) {
      const { directory, store, runtime, log } = this.node(name);
      for (const path of keepLogs ? [store, runtime] : [store, runtime, log]) remove(path);
      removeIfEmpty(directory);
    }
    removeIfEmpty(this.nodes);
    for (const path of [this.sharedMount, this.storageRoot]) removeIfEmpty(path);
    for (const path of [
      this.environments,
      this.slurm,
      this.namespaces,
      this.keyFile,
      this.configFile,
      this.controlSocket,
    ])
      remove(path);
    if (!keepLogs) for (const log of [this.supervisorLog, this.storageLog, this.slurmLogs]) remove(log);
    if (end === 'drop-logs') removeIfEmpty(this.path);
    if (end === 'remove') remove(this.path);
  }
}

function readDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Not empty: logs are kept, or it is the user's. Or it was never made.
  }
}
