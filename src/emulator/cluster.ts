/**
 * An embedded cluster: real daemons on emulated nodes of this host (docs/embedded-cluster.md).
 * `startCluster` makes one that dies with this process, `openCluster` finds one that is up.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError, usageError } from '../base/errors.js';
import { callControl } from './control.js';
import type { ExecOptions, ExecResult } from './exec.js';
import { collect } from './exec.js';
import { isAlive, processesOf } from './host-processes.js';
import type { ClusterOptions } from './options.js';
import { specify, temporaryStateDirectory } from './options.js';
import { ClusterOwner } from './owner.js';
import { StateDirectory } from './state-directory.js';
import type { ClusterStatus, NetworkCounters, UplinkCounters } from './status.js';
import { checkSlurmTools, checkStorageTools, checkTools, initPath } from './tools.js';

const DOWN_DEADLINE_MS = 30_000;
const DOWN_POLL_MS = 10;

/** Resolves when every daemon serves. @throws TeesError; nothing is left then */
export async function startCluster(options: ClusterOptions = {}): Promise<EmbeddedCluster> {
  checkTools();
  const specification = specify(options, options.stateDirectory ?? temporaryStateDirectory());
  if (specification.storage) checkStorageTools();
  if (specification.slurm) checkSlurmTools();
  const state = new StateDirectory(specification.stateDirectory);
  state.claim();
  const owner = await ClusterOwner.start(specification, options.onProgress ?? (() => {}));
  return EmbeddedCluster.connect(state, owner);
}

/** @throws TeesError CLUSTER_NOT_UP, CLUSTER_NOT_YOURS */
export function openCluster(stateDirectory: string): Promise<EmbeddedCluster> {
  return EmbeddedCluster.connect(new StateDirectory(resolve(stateDirectory)));
}

export class EmbeddedCluster {
  readonly stateDirectory: string;
  readonly configFile: string;
  readonly #state: StateDirectory;
  readonly #pidNamespace: string;
  #owner: ClusterOwner | undefined;
  #down: Promise<void> | undefined;

  /** @param nodes the compute nodes; the login node is not among them */
  private constructor(
    state: StateDirectory,
    readonly nodes: readonly string[],
    readonly login: string,
    pidNamespace: string,
    owner: ClusterOwner | undefined,
  ) {
    this.stateDirectory = state.path;
    this.configFile = state.configFile;
    this.#state = state;
    this.#pidNamespace = pidNamespace;
    this.#owner = owner;
  }

  static async connect(state: StateDirectory, owner?: ClusterOwner): Promise<EmbeddedCluster> {
    const { nodes, pidNamespace } = await callControl(state.controlSocket, 'identify');
    const [login = '', ...compute] = nodes;
    return new EmbeddedCluster(state, compute, login, pidNamespace, owner);
  }

  /** Runs a command as the caller in the node's namespaces and collects what it prints. */
  async exec(node: string, argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { input, ...spawnOptions } = options;
    return collect(await this.spawn(node, argv, { ...spawnOptions, stdio: 'pipe' }), input);
  }

  /** The same, as it runs. The child ends as the command ends, passes signals on, and dies with this process. */
  async spawn(node: string, argv: readonly string[], options: SpawnOptions = {}): Promise<ChildProcess> {
    if (argv.length === 0)
      throw usageError('USAGE', 'which command?', { hint: 'tees cluster exec NODE -- CMD' });
    const { pid } = await callControl(this.#state.controlSocket, 'locate', { node });
    const daemon = processesOf(this.#pidNamespace).get(pid);
    if (!daemon) throw new TeesError('CLUSTER_NODE_DOWN', `the daemon of ${node} has just ended`, { node });
    return spawn(initPath(), ['enter', String(daemon.pid), '--', ...argv], options);
  }

  /** Pids in it are this process's. */
  async status(): Promise<ClusterStatus> {
    const status = await callControl(this.#state.controlSocket, 'status');
    const processes = processesOf(this.#pidNamespace);
    return {
      ...status,
      supervisorPid: processes.get(status.supervisorPid)?.pid ?? status.supervisorPid,
      nodes: status.nodes.map(({ pid, ...node }) => {
        const outside = pid === undefined ? undefined : processes.get(pid)?.pid;
        return outside === undefined ? node : { ...node, pid: outside };
      }),
    };
  }

  async uplinkCounters(): Promise<readonly UplinkCounters[]> {
    return (await this.networkCounters()).uplinks;
  }

  /** Of every shaped link. */
  async networkCounters(): Promise<NetworkCounters> {
    return callControl(this.#state.controlSocket, 'counters');
  }

  /** Sends a signal to a node's daemon: the way to break a node. To the storage node: to all that serves there. */
  async signalNode(node: string, signal: NodeJS.Signals): Promise<void> {
    await callControl(this.#state.controlSocket, 'signal', { node, signal });
  }

  /** Resolves when the cluster is gone, by whatever way. Only for its owner; it does not keep the process alive. */
  ended(): Promise<void> {
    return this.#owner?.ended ?? Promise.reject(new Error('only the owner is told'));
  }

  /** The cluster outlives this process and is taken down by `down` of a later one. */
  async letGo(): Promise<void> {
    const owner = this.#owner;
    this.#owner = undefined;
    await owner?.letGo();
  }

  /** Resolves when nothing is left but the logs, if they are kept. */
  down(): Promise<void> {
    this.#down ??= this.#owner ? this.#owner.stop() : this.#takeDown();
    return this.#down;
  }

  async #takeDown(): Promise<void> {
    const outermost = processesOf(this.#pidNamespace).get(1)?.parentPid;
    await callControl(this.#state.controlSocket, 'down');
    if (outermost !== undefined) await awaitDeath(outermost, this.stateDirectory);
  }
}

/** @throws TeesError CLUSTER_DOWN_FAILED */
export async function awaitDeath(pid: number, stateDirectory: string): Promise<void> {
  for (const deadline = Date.now() + DOWN_DEADLINE_MS; isAlive(pid); await sleep(DOWN_POLL_MS)) {
    if (Date.now() <= deadline) continue;
    throw new TeesError('CLUSTER_DOWN_FAILED', 'the embedded cluster does not go down', {
      path: stateDirectory,
      hint: `A process of it may hang in the kernel. Process ${pid} waits for it: see ps --forest.`,
    });
  }
}
