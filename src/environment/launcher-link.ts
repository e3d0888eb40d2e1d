/**
 * One daemon's connection to a launcher, and what the daemon sees of a task through it. The launcher outlives the
 * connection: see native/launch/launch.h.
 */
import { constants } from 'node:os';
import { Readable, Writable } from 'node:stream';
import type { Duplex } from 'node:stream';
import { TeesError } from '../base/errors.js';
import type { RunningTask, TaskExit } from './environment.js';
import { initOf, taskIsEnding } from './ending.js';
import { LauncherMessageReader, describeLeftOut, failureToError, toLauncher } from './launcher-messages.js';
import type { LauncherHello, LauncherMessage, OutputStream } from './launcher-messages.js';

/** STREAM_WINDOW_BYTES of native/launch/streams.h. */
const INPUT_WINDOW_BYTES = 64 * 1024;
const INPUT_FRAME_BYTES = 32 * 1024;
/** Of a launcher that ended without a word: it was killed, and its environment with it. */
const STATUS_KILLED = 128 + constants.signals.SIGKILL;

/** How the task's start went: `ended`, the launcher has gone and left no failure. */
export type LaunchOutcome = 'running' | 'ended';

interface PendingInput {
  readonly bytes: Buffer;
  sent: number;
  taken: number;
  readonly done: (error?: Error) => void;
}

export class LauncherLink implements RunningTask {
  readonly stdin: Writable;
  readonly stdout = outputStream();
  readonly stderr = outputStream();
  readonly exit: Promise<TaskExit>;
  readonly notes: string[] = [];
  /** Resolves once. Rejects with what the launcher says went wrong. */
  readonly started: Promise<LaunchOutcome>;
  readonly #messages = new LauncherMessageReader();
  #hello: LauncherHello | undefined;
  #inputRoom = INPUT_WINDOW_BYTES;
  #input: PendingInput | undefined;
  #inputClosed = false;
  #over = false;
  #failure: TeesError | undefined;
  #start: (outcome: LaunchOutcome | TeesError) => void = () => {};
  #settle: (exit: TaskExit) => void = () => {};

  /**
   * @param command as the user typed it
   * @param endStatus of the launcher's process, when it ends without saying the task's
   */
  constructor(
    private readonly socket: Duplex,
    private readonly command: string,
    endStatus: Promise<number> = Promise.resolve(STATUS_KILLED),
  ) {
    this.exit = new Promise((resolve) => (this.#settle = resolve));
    this.started = new Promise((resolve, reject) => {
      this.#start = (outcome) => (outcome instanceof TeesError ? reject(outcome) : resolve(outcome));
    });
    this.started.catch(() => {});
    this.stdin = new Writable({
      write: (bytes: Buffer, _encoding, done) => this.#write(bytes, done),
      final: (done) => {
        this.#post(toLauncher.inputEnd());
        done();
      },
    });
    // How it ended is told by `exit`.
    for (const stream of [this.stdin, socket]) stream.on('error', () => {});
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('close', () => void endStatus.then((status) => this.#ended(status)));
  }

  get outputFrom(): Readonly<Record<OutputStream, number>> {
    return this.#hello?.outputFrom ?? { stdout: 0, stderr: 0 };
  }

  get inputFrom(): number {
    return this.#hello?.inputReceived ?? 0;
  }

  initPid(): number | undefined {
    return this.#hello && !this.#over ? initOf(this.#hello.pid) : undefined;
  }

  isEnding(): boolean {
    return this.#over || (this.#hello !== undefined && taskIsEnding(this.#hello.pid));
  }

  signal(signal: NodeJS.Signals): void {
    this.#post(toLauncher.signal(constants.signals[signal]));
  }

  kill(): void {
    this.#post(toLauncher.kill());
  }

  retireHook(): void {
    this.#post(toLauncher.retireHook());
  }

  outputTaken(stream: OutputStream, bytes: number): void {
    this.#post(toLauncher.outputTaken(stream, bytes));
  }

  release(): void {
    this.#post(toLauncher.exitTaken());
    this.socket.end();
  }

  /** The launcher could not be started at all. */
  fail(failure: TeesError): void {
    this.#failure ??= failure;
  }

  #post(frame: Buffer): void {
    if (this.socket.writable) this.socket.write(frame);
  }

  #receive(bytes: Buffer): void {
    try {
      for (const message of this.#messages.push(bytes)) this.#handle(message);
    } catch (error) {
      this.fail(TeesError.from(error, 'ENVIRONMENT_FAILED'));
      this.kill();
    }
  }

  #handle(message: LauncherMessage): void {
    switch (message.kind) {
      case 'hello':
        this.#hello = message;
        this.#inputRoom = INPUT_WINDOW_BYTES - message.inputUntaken;
        if (message.inputClosed) this.#closeInput();
        return;
      case 'running':
        return this.#start('running');
      case 'left-out':
        this.notes.push(describeLeftOut(message));
        return;
      case 'failed':
        return this.fail(failureToError(message, this.command));
      case 'output':
        this[message.stream].push(message.bytes);
        return;
      case 'input-taken':
        return this.#inputTaken(message.bytes);
      case 'input-closed':
        return this.#closeInput();
      case 'exit':
        return this.#ended(message.status);
    }
  }

  /** When it had failed: not before everything has gone. */
  #ended(status: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#start(this.#failure ?? 'ended');
    for (const stream of [this.stdout, this.stderr]) stream.push(null);
    this.#closeInput();
    this.#settle({ status });
  }

  #write(bytes: Buffer, done: (error?: Error | null) => void): void {
    if (this.#inputClosed) return done(brokenPipe());
    this.#input = { bytes, sent: 0, taken: 0, done };
    this.#sendInput();
  }

  #sendInput(): void {
    const input = this.#input;
    while (input && this.#inputRoom > 0 && input.sent < input.bytes.length) {
      const size = Math.min(INPUT_FRAME_BYTES, this.#inputRoom, input.bytes.length - input.sent);
      this.#post(toLauncher.input(input.bytes.subarray(input.sent, input.sent + size)));
      input.sent += size;
      this.#inputRoom -= size;
    }
  }

  /** What an earlier daemon had sent comes first, but nobody here waits for it. */
  #inputTaken(bytes: number): void {
    const earlier =
      INPUT_WINDOW_BYTES - this.#inputRoom - ((this.#input?.sent ?? 0) - (this.#input?.taken ?? 0));
    this.#inputRoom += bytes;
    const input = this.#input;
    if (!input) return;
    input.taken += Math.max(0, bytes - earlier);
    if (input.taken < input.bytes.length) return this.#sendInput();
    this.#input = undefined;
    input.done();
  }

  #closeInput(): void {
    this.#inputClosed = true;
    const input = this.#input;
    this.#input = undefined;
    input?.done(brokenPipe());
  }
}

/** The launcher sends no more than its window: nothing needs to be stopped. */
function outputStream(): Readable {
  return new Readable({ read: () => {} });
}

function brokenPipe(): Error {
  return Object.assign(new Error('the task takes no more input'), { code: 'EPIPE' });
}
