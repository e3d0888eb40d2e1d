/** The daemon of one node: started in the node's namespaces, awaited, watched, signalled, stopped. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { TeesError } from '../base/errors.js';
import type { NodeInfo } from '../topology/cluster.js';
import type { ClusterSpecification } from './options.js';
import type { NodeFiles, StateDirectory } from './state-directory.js';
import type { NodeState } from './status.js';
import { initPath } from './tools.js';

const READY_FD = 3;
const LOG_LINES_SHOWN = 12;

export class NodeDaemon {
  state: NodeState = 'waiting';
  exit: number | string | undefined;
  readonly #files: NodeFiles;
  #child: ChildProcess | undefined;

  constructor(
    readonly node: NodeInfo,
    private readonly cluster: StateDirectory,
    private readonly specification: ClusterSpecification,
  ) {
    this.#files = cluster.node(node.name);
  }

  get pid(): number | undefined {
    return this.state === 'down' ? undefined : this.#child?.pid;
  }

  /**
   * Resolves when the daemon has said that it serves.
   * @throws TeesError CLUSTER_NODE_FAILED with the last lines of its log
   */
  async start(): Promise<void> {
    const { store, runtime, log } = this.#files;
    mkdirSync(store, { recursive: true });
    mkdirSync(runtime, { recursive: true });
    const fd = openSync(log, 'w', 0o644);
    const [program = '', ...argv] = this.#command();
    this.state = 'starting';
    const child = spawn(program, argv, { cwd: '/', stdio: ['ignore', fd, fd, 'pipe'] });
    closeSync(fd);
    this.#child = child;
    child.once('exit', (status, signal) => {
      this.state = 'down';
      this.exit = status ?? signal ?? undefined;
    });
    const failed = await this.#ready(child);
    if (failed !== undefined) throw this.#failure(failed);
    this.state = 'up';
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.state !== 'down' && this.#child?.kill(signal) === true;
  }

  /** SIGTERM, and SIGKILL after the deadline. Resolves when it has ended. */
  async stop(deadlineMs: number): Promise<void> {
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
    const size = String(this.specification.storeSizeBytes);
    const net = this.cluster.namespace(name);
    return [
      ...[initPath(), 'node', '--net', net, '--hostname', name, '--hide', namespaces],
      // A compute node is diskless. What the login node keeps is the user's to look at.
      ...(role === 'login' ? [] : ['--tmpfs', store, '--size', size]),
      ...['--', ...this.specification.daemonCommand],
      ...['--role', role === 'login' ? 'login' : 'node', '--config', configFile, '--node', name],
      ...['--state', store, '--runtime', runtime, '--ready-fd', String(READY_FD)],
    ];
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
