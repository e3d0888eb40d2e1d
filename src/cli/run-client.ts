/** The command's side of `tees run`: asks the login daemon, shows what comes back, passes input and signals on. */
import { accessSync, constants, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants as system } from 'node:os';
import { dirname, resolve } from 'node:path';
import { EXIT_FAILURE, TeesError, describeError, usageError } from '../base/errors.js';
import type { Report } from '../report/report.js';
import { summarisePlacement } from '../report/placement-summary.js';
import { summarise } from '../report/summary.js';
import { decodeDaemon, encodeRun } from '../wire/api.js';
import type { CommandMessage, DaemonMessage, ProgressMessage } from '../wire/api.js';
import type { PlacementRequest } from '../wire/placement.js';
import { FrameDecoder, encodeFrame } from '../wire/frame.js';
import type { Frame } from '../wire/frame.js';
import { connectDaemon } from './ask-daemon.js';
import { InputPump } from './input-pump.js';
import { LinePrefixer } from './line-prefixer.js';
import { Progress } from './progress.js';
import { FORWARDED_SIGNALS, SignalPolicy } from './signal-policy.js';
import type { ForwardedSignal } from './signal-policy.js';
import { lookUpUser } from '../base/users.js';

export interface RunClientOptions {
  readonly socket: string;
  readonly nodes: string;
  /** The layer's directory; undefined: of `environment`. */
  readonly upper?: string | undefined;
  /** The user's private environment. */
  readonly environment?: string | undefined;
  readonly urgent: readonly string[];
  readonly method: string;
  readonly hook?: string;
  readonly fuseEngine?: string;
  readonly layout?: string;
  readonly width?: number;
  readonly shape?: string;
  readonly complete: boolean;
  readonly onStall?: string;
  readonly stallDeadlineMs?: number;
  readonly onLoss?: string;
  readonly spares?: string;
  readonly demand: boolean;
  readonly learn: boolean;
  readonly report?: string;
  readonly user?: string;
  readonly progress?: boolean;
  readonly quiet: boolean;
  readonly argv: readonly string[];
  /** Instead of running a command: what is at `upper` appears there. */
  readonly placement?: PlacementRequest;
}

const PHASES: Readonly<Record<Exclude<ProgressMessage['phase'], 'streaming'>, string>> = {
  scanning: 'scanning the layer',
  splitting: 'looking for what the command needs first',
  planning: 'planning the tree',
};

export class RunClient {
  readonly #reportParts: Buffer[] = [];
  readonly #progress: Progress | undefined;
  readonly #prefixers = { stdout: this.#prefixer(process.stdout), stderr: this.#prefixer(process.stderr) };
  #socket: Socket | undefined;
  #input: InputPump | undefined;
  readonly #signals = new SignalPolicy();
  #lastProgress: ProgressMessage | undefined;
  #over: Extract<DaemonMessage, { t: 'over' }> | undefined;

  constructor(private readonly options: RunClientOptions) {
    const wanted = options.progress ?? process.stderr.isTTY;
    if (wanted) this.#progress = new Progress(process.stderr);
  }

  /** @returns the exit status */
  async run(): Promise<number> {
    this.#checkReportPlace();
    const socket = await connectDaemon(this.options.socket);
    this.#socket = socket;
    this.#input = new InputPump(process.stdin, (bytes, eof) => this.#send({ t: 'stdin', eof }, bytes));
    const signals = FORWARDED_SIGNALS.map((signal) => [signal, () => this.#onSignal(signal)] as const);
    for (const [signal, handler] of signals) process.on(signal, handler);
    try {
      await this.#converse(socket);
    } finally {
      for (const [signal, handler] of signals) process.off(signal, handler);
      this.#input.stop();
      socket.destroy();
      this.#prefixers.stdout.end();
      this.#prefixers.stderr.end();
      this.#finishProgress();
    }
    return this.#conclude();
  }

  async #converse(socket: Socket): Promise<void> {
    const { nodes, urgent, method, hook, fuseEngine, layout, width, complete, demand, learn, argv } =
      this.options;
    const { shape, onStall, stallDeadlineMs, onLoss, spares, placement, environment = '' } = this.options;
    const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']));
    const optional = {
      ...(hook ? { hook } : {}),
      ...(fuseEngine ? { fuseEngine } : {}),
      ...(layout ? { layout } : {}),
      ...(width ? { width } : {}),
      ...(shape ? { shape } : {}),
      ...(onStall === undefined ? {} : { onStall }),
      ...(stallDeadlineMs === undefined ? {} : { stallDeadlineMs }),
      ...(onLoss === undefined ? {} : { onLoss }),
      ...(spares === undefined ? {} : { spares }),
      ...(placement ? { placement } : {}),
      ...(this.options.upper === undefined ? { environment } : {}),
    };
    const user = this.options.user === undefined ? {} : { user: await lookUpUser(this.options.user) };
    // Of an environment the daemon knows the directory, and nobody else goes there.
    const upper =
      this.options.upper === undefined ? `/environment/${environment}` : resolve(this.options.upper);
    const request = {
      nodes,
      argv,
      env,
      cwd: process.cwd(),
      upper,
      urgent,
      method,
      complete,
      demand,
      learn,
      ...optional,
      ...user,
    };
    socket.write(encodeFrame(encodeRun(request)));
    const decoder = new FrameDecoder();
    try {
      for await (const bytes of socket as AsyncIterable<Buffer>) {
        for (const frame of decoder.push(bytes)) await this.#receive(frame);
      }
    } catch (error) {
      // How the connection broke is of no interest: what it was to bring is here, or it is not.
      if (error instanceof TeesError) throw error;
    }
  }

  async #receive(frame: Frame): Promise<void> {
    const message = decodeDaemon(frame.header);
    switch (message.t) {
      case 'output':
        return this.#prefixers[message.stream].push(message.node, frame.body);
      case 'progress':
        return this.#showProgress(message);
      case 'warning':
        return this.#say(`tees: warning: ${message.text}`);
      case 'credit':
        return this.#input?.grant(message.bytes);
      case 'report':
        this.#reportParts.push(frame.body);
        return;
      case 'over':
        this.#over = message;
    }
  }

  #showProgress(progress: ProgressMessage): void {
    if (progress.phase !== 'streaming') return this.#progress?.phase(PHASES[progress.phase]);
    this.#lastProgress = progress;
    this.#progress?.update(progress);
  }

  /** Output lines and bars share the terminal: lines go above the bars. */
  #prefixer(stream: NodeJS.WriteStream): LinePrefixer {
    return new LinePrefixer((lines) => {
      if (this.#progress && stream.isTTY) return this.#progress.line(lines.toString().replace(/\n$/, ''));
      if (stream.write(lines)) return;
      return new Promise((resolve) => stream.once('drain', resolve));
    });
  }

  #say(text: string): void {
    if (this.#progress) this.#progress.line(text);
    else process.stderr.write(text + '\n');
  }

  /** After a cancellation the report still comes. */
  #onSignal(signal: ForwardedSignal): void {
    switch (this.#signals.judge(signal, this.options.placement !== undefined)) {
      case 'pass on':
        if (signal === 'SIGINT')
          this.#say('tees: interrupt passed on; once more within 2 s to cancel the job');
        return this.#send({ t: 'signal', signal });
      case 'cancel':
        this.#say('tees: cancelling the job');
        return this.#send({ t: 'cancel' });
      case 'leave':
        this.#socket?.destroy();
    }
  }

  #send(message: CommandMessage, body?: Buffer): void {
    if (this.#socket?.writable) this.#socket.write(encodeFrame(message, body));
  }

  #conclude(): number {
    const over = this.#over;
    const { cancelledBy } = this.#signals;
    if (!over && cancelledBy === undefined) {
      throw new TeesError('DAEMON_LOST', 'the login daemon went away before the job was over', {
        hint: 'See its log. Every node tears the job down by itself.',
      });
    }
    const { report } = this;
    if (report) this.#tellReport(report);
    if (cancelledBy !== undefined) return 128 + system.signals[cancelledBy];
    if (over?.error) process.stderr.write(describeError(TeesError.fromRecord(over.error)) + '\n');
    return over?.status ?? EXIT_FAILURE;
  }

  /** Undefined while, and where, there is none. */
  get report(): Report | undefined {
    if (!this.#over || this.#reportParts.length === 0) return undefined;
    return JSON.parse(Buffer.concat(this.#reportParts).toString()) as Report;
  }

  /** Nodes tell how far they are now and then; how far they came, the report says. */
  #finishProgress(): void {
    const { report } = this;
    const last = this.#lastProgress;
    if (report && last) {
      const { urgentTotal, hystereticTotal } = last;
      const delivered = report.timeline.hystereticDelivered !== undefined;
      this.#progress?.update({
        ...last,
        waiting: undefined,
        ...(delivered ? { urgentBytes: urgentTotal, hystereticBytes: hystereticTotal } : {}),
        launched: Object.values(report.perNode).filter(({ launched }) => launched !== undefined).length,
        exited: Object.keys(report.exit).length,
      });
    }
    this.#progress?.finish();
  }

  /** Said before the job runs, and not when its report would be lost. */
  #checkReportPlace(): void {
    if (this.options.report === undefined) return;
    try {
      accessSync(dirname(resolve(this.options.report)), constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw usageError('REPORT_UNWRITABLE', `the report cannot be written: ${(cause as Error).message}`, {
        path: this.options.report,
        cause,
        hint: 'Name a file in a directory that you may write to: --report FILE.',
      });
    }
  }

  #tellReport(report: Report): void {
    const file = this.options.report;
    try {
      if (file !== undefined) writeFileSync(file, JSON.stringify(report, null, 2) + '\n');
    } catch (cause) {
      throw TeesError.from(cause, 'REPORT_UNWRITABLE', file === undefined ? {} : { path: file });
    }
    if (this.options.quiet) return;
    const { placement } = report;
    const text = placement ? summarisePlacement(untold(report), placement) : summarise(untold(report));
    process.stderr.write((this.#progress ? '\n' : '') + text + '\n');
  }
}

/** The first error is told last, with what to do about it. */
function untold(report: Report): Report {
  return { ...report, errors: report.errors.slice(1) };
}
