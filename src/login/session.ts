/**
 * One command at the login daemon's socket: its request judged by who the kernel says the user is, its job run,
 * what comes back sent to it. When the command goes away, its job is cancelled.
 */
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { TeesError } from '../base/errors.js';
import { FRAME_BODY_MAX_BYTES, FRAME_HEADER_MAX_BYTES } from '../base/limits.js';
import type { PeerCredentials } from '../base/native.js';
import type { Report } from '../report/report.js';
import { decodeCommand, decodeRun } from '../wire/api.js';
import { FrameDecoder } from '../wire/frame.js';
import type { Frame, Header } from '../wire/frame.js';
import { authorise } from './authorise.js';
import { CommandWriter } from './command-writer.js';
import { hangUp } from '../base/hang-up.js';
import { answerQuestion, isQuestion } from './questions.js';
import type { AnyAnswer, Knowledge } from './questions.js';
import { Submission } from './submission.js';
import type { SubmissionContext } from './submission.js';

export interface SessionContext extends Knowledge, SubmissionContext {
  /** From the connection to the end of its request. */
  readonly requestDeadlineMs: number;
}

/** A request has no body: what is not yet one holds as little as can be. */
const REQUEST_LIMITS = { headerMaxBytes: FRAME_HEADER_MAX_BYTES, bodyMaxBytes: 0 };

export class Session {
  readonly #abort = new AbortController();
  readonly #decoder = new FrameDecoder(REQUEST_LIMITS);
  readonly #command: CommandWriter;
  #requestTimer: NodeJS.Timeout | undefined;
  #isLate = false;
  #submission: Submission | undefined;
  /** The signal that ended the whole job, as it would have ended its tasks. */
  #endedBy: NodeJS.Signals | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly user: PeerCredentials,
    private readonly context: SessionContext,
  ) {
    this.#command = new CommandWriter(socket);
  }

  /** Until the command is gone and its job is over. */
  async serve(): Promise<void> {
    this.#requestTimer = setTimeout(() => this.#requestIsLate(), this.context.requestDeadlineMs);
    let end = new TeesError('CANCELLED', 'the command that submitted the job is gone');
    try {
      // Whatever was wrong with what came, the answer can still be sent.
      for await (const bytes of this.socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        for (const frame of this.#decoder.push(bytes)) this.#receive(frame);
      }
    } catch (error) {
      if (error instanceof TeesError) end = this.#refuse(error);
    }
    clearTimeout(this.#requestTimer);
    await this.cancel(end);
    // What it still sends is not heard, but has to be read: otherwise it would lose what it has been told.
    hangUp(this.socket.resume());
  }

  #refuse(error: TeesError): TeesError {
    this.context.log.warn(`a command of user ${this.user.uid}: ${error.code}: ${error.message}`);
    if (!this.#running) this.#command.send({ t: 'over', status: 1, error: error.toRecord() });
    return error;
  }

  #requestIsLate(): void {
    this.#isLate = true;
    const seconds = this.context.requestDeadlineMs / 1000;
    this.#refuse(
      new TeesError('REQUEST_LATE', `the request was not complete within ${seconds} s`, {
        hint: 'Is the login node overloaded? Then try again.',
      }),
    );
    hangUp(this.socket);
  }

  /** Ends the job, if it runs; resolves when it is over. */
  async cancel(reason: TeesError): Promise<void> {
    this.#giveUp(reason);
    await this.#running;
  }

  #giveUp(reason: TeesError): void {
    this.#abort.abort(reason);
    this.#submission?.giveUp(reason);
  }

  #receive(frame: Frame): void {
    if (this.#isLate) return;
    if (!this.#running) {
      clearTimeout(this.#requestTimer);
      this.#decoder.setLimits();
      const { header } = frame;
      const answer = isQuestion(header) ? this.#answer(header) : this.#run(header);
      this.#running = answer.finally(() => hangUp(this.socket));
      return;
    }
    const message = decodeCommand(frame.header);
    const job = this.#submission?.job;
    switch (message.t) {
      case 'stdin':
        return job?.input(frame.body, message.eof);
      case 'cancel':
        return this.#giveUp(new TeesError('CANCELLED', 'the job was cancelled'));
      case 'signal':
        // A task that is not there yet would miss the signal and run on: the whole job is meant.
        if (job?.allLaunched) job.signal(message.signal);
        else {
          this.#endedBy ??= message.signal as NodeJS.Signals;
          this.#giveUp(new TeesError('CANCELLED', `the job was cancelled by ${message.signal}`));
        }
    }
  }

  async #answer(header: Header): Promise<void> {
    const say = (message: AnyAnswer): void => this.#command.send(message);
    const asker = { uid: this.user.uid, signal: this.#abort.signal, say };
    const answers = await answerQuestion(header, asker, this.context);
    for (const { message, body } of answers) this.#command.send(message, body);
  }

  async #run(header: Header): Promise<void> {
    const command = this.#command;
    const submission = new Submission(this.user, this.context, {
      onOutput: (node, stream, bytes) => command.output({ t: 'output', node, stream }, bytes),
      isBehind: () => command.isBehind,
      onProgress: (message) => command.send(message),
      onInputCredit: (bytes) => command.send({ t: 'credit', bytes }),
      onWarning: (text) => command.send({ t: 'warning', text }),
      onFailed: () => command.stopWaiting(),
    });
    this.#submission = submission;
    try {
      const request = decodeRun(header);
      authorise(this.user, request);
      this.#sendReport(await submission.run(request));
    } catch (error) {
      const failure = TeesError.from(error, 'INTERNAL');
      const { name } = submission;
      this.context.log.warn(`job ${name} of user ${this.user.uid}: ${failure.code}: ${failure.message}`);
      const status = failure.usage ? 2 : this.#statusOf(failure);
      command.send({ t: 'over', status, error: failure.toRecord() });
    }
  }

  /** As a shell says it of a command that a signal ended, so that it does not matter whether its tasks were there already. */
  #statusOf({ code }: { readonly code: string }): number {
    return code === 'CANCELLED' && this.#endedBy ? 128 + constants.signals[this.#endedBy] : 1;
  }

  #sendReport(report: Report): void {
    const json = Buffer.from(JSON.stringify(report));
    for (let start = 0; start < json.length; start += FRAME_BODY_MAX_BYTES) {
      this.#command.send({ t: 'report' }, json.subarray(start, start + FRAME_BODY_MAX_BYTES));
    }
    const [error] = report.errors;
    const highest = Object.values(report.exit).reduce((max, status) => Math.max(max, status), 0);
    const status = error ? this.#statusOf(error) : highest;
    this.#command.send({ t: 'over', status, ...(error ? { error } : {}) });
  }
}
