/**
 * The storage node of an embedded cluster: a directory in memory behind a link of its own, served by OpenSSH's
 * sftp-server and mounted by sshfs on the login node and each compute node. Without ssh between them, whose cipher would
 * take the processors that all nodes share. The server does all as root, whoever asks: permissions of its files mean
 * nothing, which a real storage is not to be like.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { TeesError } from '../base/errors.js';
import type { ClusterSpecification } from './options.js';
import type { Host } from './plan.js';
import { STORAGE_PORT } from './plan.js';
import type { StateDirectory } from './state-directory.js';
import { initPath, sftpServerPath } from './tools.js';

const READY_FD = 3;
/** The daemon's descriptors are not for what outlives it; sshfs goes on in the background once all is mounted. */
const MOUNT_SCRIPT = 'sshfs "$1" "$2" -o "$3" 3>&- 4>&- || exit; shift 3; exec "$@"';

export class StorageNode {
  #child: ChildProcess | undefined;

  constructor(
    private readonly host: Host,
    private readonly cluster: StateDirectory,
    private readonly specification: ClusterSpecification,
  ) {}

  /** Resolves when it can be mounted. @throws TeesError CLUSTER_NODE_FAILED */
  async start(): Promise<void> {
    const { storageRoot, sharedMount, storageLog, namespaces } = this.cluster;
    const { name } = this.host;
    for (const path of [storageRoot, sharedMount]) mkdirSync(path, { recursive: true });
    const place = ['--net', this.cluster.namespace(name), '--hostname', name, '--hide', namespaces];
    const memory = ['--tmpfs', storageRoot, '--size', String(this.specification.storeSizeBytes)];
    const server = [initPath(), 'listen', String(STORAGE_PORT), String(READY_FD), '--', sftpServerPath()];
    const log = openSync(storageLog, 'w', 0o644);
    // A process group of its own: with it all of its connections can be told.
    const child = spawn(initPath(), ['node', ...place, ...memory, '--', ...server], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
    });
    closeSync(log);
    this.#child = child;
    if (await isReady(child)) return;
    throw new TeesError('CLUSTER_NODE_FAILED', 'the storage node did not start', {
      node: name,
      path: storageLog,
      hint: 'Its log tells why.',
    });
  }

  /** To its server and all of its connections. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    try {
      if (pid !== undefined) process.kill(-pid, signal);
    } catch {
      // It has ended.
    }
  }

  /** What mounts it on a node and then becomes the command behind it. */
  mountCommand(): string[] {
    const { sharedMount, storageRoot } = this.cluster;
    const source = `${this.host.address}:${storageRoot}`;
    return [
      '/bin/sh',
      '-c',
      MOUNT_SCRIPT,
      'sh',
      source,
      sharedMount,
      `directport=${STORAGE_PORT},allow_other`,
    ];
  }
}

function isReady(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    (child.stdio[READY_FD] as Readable).once('data', () => resolve(true)).on('error', () => {});
    child.once('error', () => resolve(false));
    child.once('exit', () => resolve(false));
  });
}
