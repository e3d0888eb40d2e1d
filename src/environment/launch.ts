/**
 * Starts a task in a new environment: makes the plan, starts the launcher, hears what becomes of it.
 * Nothing here waits for the launcher in the way of the event loop: what the launcher opens may be served by this
 * very process.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Duplex, Readable, Writable } from 'node:stream';
import { TeesError, assert } from '../base/errors.js';
import { launcherPath } from '../base/native.js';
import type { Launch, RunningTask, TaskExit } from './environment.js';
import { LauncherMessageReader, describeLeftOut, failureToError } from './launcher-messages.js';
import type { LauncherMessage } from './launcher-messages.js';
import { taskIsEnding } from './ending.js';
import { keepOutput } from './output.js';
import { encodePlan, planEnvironment } from './plan.js';

const CONTROL_FD = 3;

export const launch: Launch = async (environment, task, options = {}) => {
  const plan = encodePlan(planEnvironment(environment, task, process.pid));
  const launcher = new Launcher(task.argv[0] as string);
  const abort = (): void => launcher.kill();
  options.abort?.addEventListener('abort', abort, { once: true });
  try {
    if (options.abort?.aborted) launcher.kill();
    return await launcher.start(plan);
  } finally {
    options.abort?.removeEventListener('abort', abort);
  }
};

class Launcher implements RunningTask {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exit: Promise<TaskExit>;
  readonly notes: string[] = [];
  readonly #process: ChildProcess;
  readonly #control: Duplex;
  readonly #messages = new LauncherMessageReader();
  #failure: TeesError | undefined;
  #running: () => void = () => {};

  constructor(private readonly command: string) {
    this.#process = spawn(launcherPath(), [], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: {},
      cwd: '/',
      // A session of its own: a terminal's Ctrl-C is the daemon's business.
      detached: true,
    });
    const { stdin, stdout, stderr } = this.#process;
    assert(stdin && stdout && stderr, 'the launcher has its streams');
    this.stdin = stdin;
    this.stdout = keepOutput(stdout, this.#process);
    this.stderr = keepOutput(stderr, this.#process);
    this.#control = this.#process.stdio[CONTROL_FD] as Duplex;
    // Whoever ends first leaves the other with EPIPE; how it ended is told by `exit`.
    for (const stream of [this.stdin, this.#control]) stream.on('error', () => {});
    this.#process.on('error', (cause) => this.#fail(cannotStart(cause)));
    this.exit = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => resolve({ status: statusOf(code, signal) }));
    });
    this.#control.on('data', (bytes: Buffer) => this.#receive(bytes));
  }

  /** Resolves when the program runs. When it failed, not before everything has gone. */
  async start(plan: Buffer): Promise<RunningTask> {
    const running = new Promise<'running'>((resolve) => (this.#running = () => resolve('running')));
    this.#control.write(plan);
    const ended = await Promise.race([running, this.exit]);
    if (ended === 'running') return this;
    throw this.#failure ?? endedEarly(ended.status);
  }

  isEnding(): boolean {
    const { pid, exitCode, signalCode } = this.#process;
    return pid === undefined || exitCode !== null || signalCode !== null || taskIsEnding(pid);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#control.writable) this.#control.write(Buffer.of(constants.signals[signal]));
  }

  /** The launcher takes it as the order to kill PID 1, and waits until all has gone. */
  kill(): void {
    this.#process.kill('SIGTERM');
  }

  #receive(bytes: Buffer): void {
    try {
      for (const message of this.#messages.push(bytes)) this.#handle(message);
    } catch (error) {
      this.#fail(TeesError.from(error, 'ENVIRONMENT_FAILED'));
      this.kill();
    }
  }

  #handle(message: LauncherMessage): void {
    switch (message.kind) {
      case 'running':
        return this.#running();
      case 'left-out':
        this.notes.push(describeLeftOut(message));
        return;
      case 'failed':
        return this.#fail(failureToError(message, this.command));
    }
  }

  #fail(failure: TeesError): void {
    this.#failure ??= failure;
    // Nobody reads them any more, and unread they would never end.
    this.stdout.resume();
    this.stderr.resume();
  }
}

function statusOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (signal !== null) return 128 + constants.signals[signal];
  return code ?? 1;
}

function cannotStart(cause: Error): TeesError {
  return new TeesError('ENVIRONMENT_FAILED', `cannot start the launcher: ${cause.message}`, {
    path: launcherPath(),
    cause,
    hint: 'Build it with: npm run build:native',
  });
}

function endedEarly(status: number): TeesError {
  return new TeesError(
    'ENVIRONMENT_FAILED',
    `the environment ended before its program ran (status ${status})`,
  );
}
