/**
 * Starts a cluster's processes and owns them: while the owner's socket is open they live, when it closes, by
 * whatever death, they stop. `letGo` ends the ownership and leaves the cluster up.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { TeesError } from '../base/errors.js';
import type { ClusterEnd, ClusterSpecification, Progress } from './options.js';
import { nodeCommand } from './options.js';
import type { StartReport } from './start-report.js';
import { LET_GO, OWNER_FD, REPORT_FD, SPECIFICATION_FD } from './start-report.js';
import { StateDirectory } from './state-directory.js';
import { TOOL_PATH, initPath } from './tools.js';

/** sysexits.h, EX_TEMPFAIL: see native/init/init.h. */
const STATUS_IN_USE = 75;
const LOG_LINES_SHOWN = 8;

export class ClusterOwner {
  /** Resolves when nothing of the cluster is left. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;

  private constructor(private readonly specification: ClusterSpecification) {
    const state = new StateDirectory(specification.stateDirectory);
    const log = openSync(state.supervisorLog, 'a', 0o644);
    const network = openSync('/proc/self/ns/net', 'r');
    this.#child = spawn(initPath(), ['supervise', state.path, '--', ...superviseCommand(specification)], {
      cwd: '/',
      // A session of its own: what a terminal sends to the owner's process group is the owner's to act on.
      detached: true,
      stdio: ['ignore', log, log, 'pipe', 'pipe', 'pipe', network],
      env: { ...process.env, PATH: TOOL_PATH },
    });
    closeSync(log);
    closeSync(network);
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
  }

  /** @throws TeesError CLUSTER_ALREADY_UP, CLUSTER_START_FAILED, and what the supervisor reports */
  static async start(
    specification: ClusterSpecification,
    onProgress: (progress: Progress) => void,
  ): Promise<ClusterOwner> {
    const owner = new ClusterOwner(specification);
    const failure = await owner.#awaitReady(onProgress);
    if (failure === undefined) {
      owner.#unref();
      return owner;
    }
    await owner.ended;
    // tees-init may have failed before it had anything to sweep. Nobody else has a temporary directory's name.
    if (specification.end === 'remove') new StateDirectory(specification.stateDirectory).sweep('remove');
    throw failure;
  }

  /** The cluster stays up, as its own owner. */
  async letGo(): Promise<void> {
    const socket = this.#socket(OWNER_FD);
    const closed = once(socket.ref(), 'close');
    socket.end(LET_GO);
    await closed;
  }

  /** Resolves when nothing of the cluster is left. */
  async stop(): Promise<void> {
    this.#child.ref();
    this.#socket(OWNER_FD).destroy();
    await this.ended;
  }

  /** Undefined, or why there is no cluster. */
  async #awaitReady(onProgress: (progress: Progress) => void): Promise<TeesError | undefined> {
    for (const fd of [SPECIFICATION_FD, REPORT_FD, OWNER_FD]) this.#socket(fd).on('error', () => {});
    this.#socket(OWNER_FD).resume();
    this.#socket(SPECIFICATION_FD).end(JSON.stringify(this.specification));
    for await (const line of createInterface({ input: this.#socket(REPORT_FD) })) {
      const report = JSON.parse(line) as StartReport;
      if ('ready' in report) return undefined;
      if ('error' in report) return TeesError.fromRecord(report.error);
      onProgress(report.progress);
    }
    const log = this.#lastLogLines();
    await this.ended;
    return this.#failure(log);
  }

  #failure(log: string): TeesError {
    const path = this.specification.stateDirectory;
    if (this.#child.exitCode === STATUS_IN_USE) {
      return new TeesError('CLUSTER_ALREADY_UP', 'an embedded cluster is up in this state directory', {
        path,
        hint: 'Use it (export TEES_CLUSTER), take it down (tees cluster down), or choose another by --state DIR.',
      });
    }
    return new TeesError('CLUSTER_START_FAILED', `the embedded cluster did not start:\n  | ${log}`, {
      path,
      hint: 'It takes root with the right to create namespaces; containers often withhold it.',
    });
  }

  #lastLogLines(): string {
    try {
      const text = readFileSync(new StateDirectory(this.specification.stateDirectory).supervisorLog, 'utf8');
      return text.trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n  | ');
    } catch {
      return '(no log)';
    }
  }

  #socket(fd: number): Socket {
    return this.#child.stdio[fd] as Socket;
  }

  /** An owner with nothing else to do ends, and the cluster with it. */
  #unref(): void {
    this.#child.unref();
    this.#socket(OWNER_FD).unref();
    for (const fd of [SPECIFICATION_FD, REPORT_FD]) this.#socket(fd).destroy();
  }
}

/** What tees-init runs, first with `run` behind it, in the end with `sweep`. */
export function superviseCommand(specification: { stateDirectory: string; end: ClusterEnd }): string[] {
  const script = new URL('./supervisor-main.js', import.meta.url).pathname;
  return [...nodeCommand(script), specification.stateDirectory, specification.end];
}
