/** The daemon of one node: started in the node's namespaces, awaited, watched, signalled, started again, stopped. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import type { NodeInfo } from '../topology/cluster.js';
import type { ClusterSpecification } from './options.js';
import { RestartPolicy } from './restart-policy.js';
import type { NodeFiles, StateDirectory } from './state-directory.js';
import { slurmMountCommand } from './slurm.js';
import type { NodeState } from './status.js';
import type { StorageNode } from './storage-node.js';
import { initPath } from './tools.js';

const READY_FD = 3;
/** Of the mount namespace, for a daemon that is started again. */
const MOUNTS_FD = 4;
/** The host's network, for environments on the login node: of this process (native/init/init.h), and of that daemon. */
const HOST_NETWORK_FD = 6;
const NETWORK_FD = 5;
/** Of a daemon that could not start. */
const STATUS_FAILED = 1;
const LOG_LINES_SHOWN = 12;

export class NodeDaemon {
  state: NodeState = 'waiting';
  exit: number | string | undefined;
  readonly #files: NodeFiles;
  readonly #policy: RestartPolicy;
  #child: ChildProcess | undefined;
  #mounts: number | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;
  restarts = 0;

  constructor(
    readonly node: NodeInfo,
    private readonly cluster: StateDirectory,
    private readonly specification: ClusterSpecification,
    clock: Clock,
    private readonly storage: StorageNode | undefined,
  ) {
    this.#policy = new RestartPolicy(clock);
    this.#files = cluster.node(node.name);
  }

  get pid(): number | undefined {
    const { state } = this;
    return state === 'down' || state === 'restarting' ? undefined : this.#child?.pid;
  }

  /**
   * Resolves when the daemon has said that it serves.
   * @throws TeesError CLUSTER_NODE_FAILED with the last lines of its log
   */
  async start(): Promise<void> {
    const { store, runtime, log } = this.#files;
    mkdirSync(store, { recursive: true });
    mkdirSync(runtime, { recursive: true });
    const again = this.#mounts !== undefined;
    const fd = openSync(log, again ? 'a' : 'w', 0o644);
    const [program = '', ...argv] = this.#command();
    this.state = 'starting';
    const mounts = this.#mounts ?? ('ignore' as const);
    const network = this.#usesHostNetwork ? HOST_NETWORK_FD : ('ignore' as const);
    const child = spawn(program, argv, { cwd: '/', stdio: ['ignore', fd, fd, 'pipe', mounts, network] });
    closeSync(fd);
    this.#child = child;
    child.once('exit', (status, signal) => {
      this.state = 'down';
      this.exit = status ?? signal ?? undefined;
      if (isFailure(signal) || (again && status === STATUS_FAILED)) this.#startAgain();
    });
    const failed = await this.#ready(child);
    if (failed !== undefined) throw this.#failure(failed);
    this.state = 'up';
    this.exit = undefined;
    this.#keepMounts();
  }

  /** Without its daemon a node has nobody who keeps its mounts, the store's among them. */
  #keepMounts(): void {
    if (!this.#mayRestart) return;
    this.#policy.served();
    this.#mounts ??= openSync(`/proc/${this.#child?.pid}/ns/mnt`, 'r');
  }

  get #mayRestart(): boolean {
    return this.specification.restart && this.node.role !== 'login' && !this.#stopping;
  }

  /** As systemd does with Restart=on-failure. A daemon that has never served is no daemon to start again. */
  #startAgain(): void {
    if (!this.#mayRestart || this.#mounts === undefined) return;
    const delayMs = this.#policy.next();
    if (delayMs === undefined) return this.#letGo();
    this.state = 'restarting';
    this.#restart = setTimeout(() => {
      this.restarts++;
      // Its log tells why; the exit of its process is what counts here.
      this.start().catch(() => {});
    }, delayMs);
  }

  #letGo(): void {
    clearTimeout(this.#restart);
    if (this.state === 'restarting') this.state = 'down';
    if (this.#mounts !== undefined) closeSync(this.#mounts);
    this.#mounts = undefined;
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.pid !== undefined && this.#child?.kill(signal) === true;
  }

  /** SIGTERM, and SIGKILL after the deadline. Resolves when it has ended. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#letGo();
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
  }

  #command(): string[] {
    const { store, runtime } = this.#files;
    const { name, role } = this.node;
    const { namespaces, configFile } = this.cluster;
    const { storeSizeBytes, storesOnDisk } = this.specification;
    const net = this.cluster.namespace(name);
    // A compute node is diskless. What the login node keeps is the user's to look at.
    const inMemory = role !== 'login' && !storesOnDisk;
    const tmpfs = inMemory ? ['--tmpfs', store, '--size', String(storeSizeBytes)] : [];
    return [
      ...[initPath(), 'node', '--net', net, '--hostname', name],
      ...(this.#mounts === undefined ? ['--hide', namespaces, ...tmpfs] : ['--mounts', String(MOUNTS_FD)]),
      ...['--', ...this.#mountCommand(), ...this.specification.daemonCommand],
      ...['--role', role === 'login' ? 'login' : 'node', '--config', configFile, '--node', name],
      ...(this.#usesHostNetwork ? ['--environments-network-fd', String(NETWORK_FD)] : []),
      ...['--state', store, '--runtime', runtime, '--ready-fd', String(READY_FD)],
    ];
  }

  /** Where srun has to be reached by the nodes, environments have the login node's network. */
  get #usesHostNetwork(): boolean {
    const { environments, slurm } = this.specification;
    return environments && !slurm && this.node.role === 'login';
  }

  /** The mounts of a daemon that is started again are those of the one before it. */
  #mountCommand(): string[] {
    if (this.#mounts !== undefined) return [];
    const slurm = this.specification.slurm ? slurmMountCommand(this.cluster) : [];
    return [...slurm, ...(this.storage?.mountCommand() ?? [])];
  }

  /** Undefined, or why it is not ready. */
  #ready(child: ChildProcess): Promise<string | undefined> {
    const pipe = child.stdio[READY_FD] as Readable;
    const { readyDeadlineMs } = this.specification;
    return new Promise((resolve) => {
      const late = () => resolve(`was not ready within ${readyDeadlineMs / 1000} s`);
      const timer = setTimeout(late, readyDeadlineMs);
      let said = '';
      pipe.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.startsWith('ready\n')) resolve(undefined);
      });
      pipe.on('error', () => {});
      child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      child.once('exit', (status, signal) => {
        resolve(signal ? `was killed by ${signal}` : `ended with status ${status ?? 'unknown'}`);
      });
      pipe.once('close', () => clearTimeout(timer));
      child.once('exit', () => clearTimeout(timer));
    });
  }

  #failure(why: string): TeesError {
    const { log } = this.#files;
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n  | ');
    return new TeesError(
      'CLUSTER_NODE_FAILED',
      `the daemon of ${this.node.name} ${why}; the end of its log:\n  | ${lines}`,
      {
        node: this.node.name,
        path: log,
        hint: 'Every node has been stopped again.',
      },
    );
  }
}

/** As systemd sees it: these are how a service is told to stop. */
function isFailure(signal: NodeJS.Signals | null): boolean {
  return signal !== null && !['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGPIPE'].includes(signal);
}
