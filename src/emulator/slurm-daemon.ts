/** One daemon of an embedded cluster's Slurm: started, awaited, watched. */
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../base/errors.js';
import { TOOL_PATH, initPath } from './tools.js';

const POLL_MS = 50;
const LOG_LINES_SHOWN = 8;
/** The host's network, for what the login node has to do outside (native/init/init.h). */
export const HOST_NETWORK_FD = 6;

export interface SlurmDaemonPlace {
  /** Of its logs: what it says before it has one of its own is beside that. */
  readonly log: string;
  readonly logs: string;
  readonly node: string;
  /** Whether it gets `HOST_NETWORK_FD`, which is not for what runs users' tasks. */
  readonly hostNetwork?: boolean;
}

export class SlurmDaemon {
  readonly #child: ChildProcess;
  #ending: string | undefined;

  /** @param argv of tees-init */
  constructor(
    private readonly name: string,
    private readonly place: SlurmDaemonPlace,
    argv: readonly string[],
  ) {
    const fd = openSync(join(place.logs, `${place.log}.out`), 'w', 0o644);
    const network = ['ignore', 'ignore', 'ignore', HOST_NETWORK_FD] as const;
    const stdio: StdioOptions = ['ignore', fd, fd, ...(place.hostNetwork === true ? network : [])];
    const env = { ...process.env, PATH: TOOL_PATH };
    this.#child = spawn(initPath(), argv, { cwd: '/', stdio, env });
    closeSync(fd);
    this.#child.once('error', (error) => (this.#ending = `could not be started: ${error.message}`));
    this.#child.once('exit', (status, signal) => {
      this.#ending ??= signal === null ? `ended with status ${status}` : `was killed by ${signal}`;
    });
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  get title(): string {
    return `${this.name} on ${this.place.node}`;
  }

  /** @throws TeesError SLURM_NOT_UP at once when it has ended, and after the deadline */
  async until(endMs: number, isThere: () => boolean): Promise<void> {
    for (; !isThere(); await sleep(POLL_MS)) {
      this.check();
      if (Date.now() > endMs) throw this.failure('does not start');
    }
  }

  /** @throws TeesError SLURM_NOT_UP when it has ended */
  check(): void {
    if (this.#ending !== undefined) throw this.failure(this.#ending);
  }

  failure(why: string): TeesError {
    const { log, logs, node } = this.place;
    const lines = [`${log}.log`, `${log}.out`].flatMap((name) => lastLines(join(logs, name)));
    const end = ['; the end of its log:', ...lines].join('\n  | ');
    return new TeesError('SLURM_NOT_UP', `${this.title} ${why}${lines.length > 0 ? end : ''}`, {
      node,
      path: logs,
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

function lastLines(path: string): string[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  return text === '' ? [] : text.split('\n').slice(-LOG_LINES_SHOWN);
}
