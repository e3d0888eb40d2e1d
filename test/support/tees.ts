/** The program as a user runs it, against an embedded cluster that dies with the test. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import type { Writable } from 'node:stream';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import type { Report } from '../../src/report/report.js';

/** Why the tests that need a cluster are skipped here; undefined when they are not. */
export const withoutCluster =
  process.getuid?.() === 0 ? undefined : 'network namespaces and mounts need root';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = new URL('../../src/cli/main.js', import.meta.url).pathname;

export function spawnTees(args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  const env = { ...process.env, ...environment };
  return spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/', env });
}

export async function tees(
  args: readonly string[],
  input = '',
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const child = spawnTees(args, environment);
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return outcome(child);
}

export function outcome(child: ChildProcess): Promise<Outcome> {
  const collected = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => (collected[stream] += text));
  }
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ status: code ?? 128 + constants.signals[signal as NodeJS.Signals], ...collected });
    });
  });
}

/** `tees run` with a report. */
export async function runJob(
  cluster: EmbeddedCluster,
  options: readonly string[],
  command: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome & { report: Report }> {
  const scratch = await mkdtemp(join(tmpdir(), 'tees-report-'));
  try {
    const file = join(scratch, 'r.json');
    const args = ['run', '--cluster', cluster.stateDirectory, ...options, '--report', file, '--', ...command];
    const done = await tees(args, '', environment);
    let report: Report;
    try {
      report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    } catch {
      throw new Error(`no report, status ${done.status}: ${done.stderr}`);
    }
    return { ...done, report };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Output lines by node, in the order they came. */
export function linesByNode(stdout: string): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const [, node, text] = /^([^:]+): (.*)$/.exec(line) ?? [];
    if (node !== undefined) lines.set(node, [...(lines.get(node) ?? []), text ?? '']);
  }
  return lines;
}

/** A process with these variables, as this host numbers processes. */
function processWith(variables: readonly string[]): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const its = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      if (variables.every((variable) => its.includes(variable))) return Number(pid);
    } catch {
      // Gone meanwhile, or a kernel thread.
    }
  }
  return undefined;
}

/** A running job, whose early end is an error that says why. */
export class RunningJob {
  readonly ended: Promise<Outcome>;
  #outcome: Outcome | undefined;
  #said = '';

  readonly #child: ChildProcess;
  /** Other tests' jobs run at the same time, on nodes of the same names. */
  readonly #mark = randomUUID();

  constructor(args: readonly string[]) {
    this.#child = spawnTees(args, { TEES_TEST_MARK: this.#mark });
    this.ended = outcome(this.#child).then((done) => (this.#outcome = done));
    this.#child.stderr?.on('data', (text: string) => (this.#said += text));
  }

  get stdin(): Writable {
    return this.#child.stdin as Writable;
  }

  /** When the command has said this on standard error, whatever it does then. */
  async says(pattern: RegExp): Promise<void> {
    await eventually(`the command says ${String(pattern)}`, () => {
      if (pattern.test(this.#said)) return true;
      if (this.#outcome) throw new Error(`the job has ended: ${JSON.stringify(this.#outcome)}`);
      return undefined;
    });
  }

  /** The task's process on a node, once it runs. */
  task(node: string): Promise<number> {
    return eventually(`a task on ${node}`, () => {
      if (this.#outcome) throw new Error(`the job has ended: ${JSON.stringify(this.#outcome)}`);
      return processWith([`TEES_NODE=${node}`, `TEES_TEST_MARK=${this.#mark}`]);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

export async function eventually<Value>(
  what: string,
  probe: () => Value | undefined | Promise<Value | undefined>,
): Promise<Value> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`${what} never came true`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
