/**
 * One command at the login daemon's socket: its request judged by who the kernel says the user is, its job run,
 * what comes back sent to it. When the command goes away, its job is cancelled.
 */
import type { Socket } from 'node:net';
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { FRAME_BODY_MAX_BYTES, FRAME_HEADER_MAX_BYTES } from '../base/limits.js';
import type { Log } from '../base/log.js';
import type { PeerCredentials } from '../base/native.js';
import type { Report } from '../report/report.js';
import { hookEngine } from '../serving/hooks.js';
import { selectNodes } from '../topology/select.js';
import type { Link } from '../transport/link.js';
import { decodeCommand, decodeRun } from '../wire/api.js';
import type { ProgressMessage, RunRequest } from '../wire/api.js';
import { FrameDecoder } from '../wire/frame.js';
import type { Frame, Header } from '../wire/frame.js';
import { checkJob } from '../wire/job.js';
import type { JobPhase } from '../wire/jobs.js';
import type { Progress } from '../wire/messages.js';
import { authorise } from './authorise.js';
import { CommandWriter } from './command-writer.js';
import { prepareDeployment } from './deployment.js';
import type { Deployment } from './deployment.js';
import { hangUp } from './hang-up.js';
import type { IdleProxies } from './idle-proxies.js';
import { LoginJob } from './job.js';
import { jobSpec } from './job-spec.js';
import type { JobDecision } from './job-spec.js';
import { progressMessage } from './progress-message.js';
import { answerQuestion, isQuestion } from './questions.js';
import type { AnyAnswer, Knowledge } from './questions.js';
import { lossSettings } from './membership.js';
import type { LossSettings } from './membership.js';
import { storageOptions } from './storage-delivery.js';
import type { StorageRecords } from './storage-records.js';
import { stallSettings } from './stall-policies.js';
import { TimelineKeeper } from './timeline.js';
import { warningsOf } from './warnings.js';

export interface SessionContext extends Knowledge {
  readonly log: Log;
  readonly cacheDirectory: string;
  readonly idleProxies: IdleProxies;
  readonly storageRecords: StorageRecords;
  /** From the connection to the end of its request. */
  readonly requestDeadlineMs: number;
  connect(node: string): Promise<Link>;
  /** Undefined when the node's daemon answers. */
  probe(node: string): Promise<TeesError | undefined>;
  nextJobName(): string;
  onJob(name: string, job: LoginJob): void;
  onJobOver(name: string): void;
}

interface Stream extends Omit<JobDecision, 'user'> {
  readonly loss: LossSettings;
  readonly timeline: TimelineKeeper;
}

/** A request has no body: what is not yet one holds as little as can be. */
const REQUEST_LIMITS = { headerMaxBytes: FRAME_HEADER_MAX_BYTES, bodyMaxBytes: 0 };

export class Session {
  readonly #abort = new AbortController();
  readonly #decoder = new FrameDecoder(REQUEST_LIMITS);
  readonly #command: CommandWriter;
  #requestTimer: NodeJS.Timeout | undefined;
  #isLate = false;
  #job: LoginJob | undefined;
  #running: Promise<void> | undefined;
  readonly #allocated = new Set<string>();
  #phase: JobPhase = 'scanning';

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
    this.#job?.fail(reason);
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
    switch (message.t) {
      case 'stdin':
        return this.#job?.input(frame.body, message.eof);
      case 'cancel':
        return this.#giveUp(new TeesError('CANCELLED', 'the job was cancelled'));
      case 'signal':
        // A task that is not there yet would miss the signal and run on: the whole job is meant.
        if (this.#job?.allLaunched) this.#job.signal(message.signal);
        else this.#giveUp(new TeesError('CANCELLED', `the job was cancelled by ${message.signal}`));
    }
  }

  async #answer(header: Header): Promise<void> {
    const say = (message: AnyAnswer): void => this.#command.send(message);
    const asker = { uid: this.user.uid, signal: this.#abort.signal, say };
    const answers = await answerQuestion(header, asker, this.context);
    for (const { message, body } of answers) this.#command.send(message, body);
  }

  async #run(header: Header): Promise<void> {
    const timeline = new TimelineKeeper(systemClock);
    const name = this.context.nextJobName();
    try {
      const request = decodeRun(header);
      authorise(this.user, request);
      this.#list(name, request, timeline);
      const { config } = this.context;
      const stall = stallSettings(
        request.onStall ?? config.onStall,
        request.stallDeadlineMs ?? config.stallDeadlineMs,
      );
      const spares = request.spares === undefined ? [] : selectNodes(config.cluster, request.spares);
      const loss = lossSettings(request.onLoss ?? 'stop', spares);
      const deployment = await this.#prepare(name, request, spares, timeline);
      if (this.#abort.signal.aborted) await deployment.source.close();
      this.#abort.signal.throwIfAborted();
      const report = await this.#stream({ name, request, stall, loss, deployment, timeline });
      await this.#learn(deployment);
      this.#sendReport(report);
    } catch (error) {
      const failure = TeesError.from(error, 'INTERNAL');
      this.context.log.warn(`job ${name} of user ${this.user.uid}: ${failure.code}: ${failure.message}`);
      this.#command.send({ t: 'over', status: failure.usage ? 2 : 1, error: failure.toRecord() });
    } finally {
      this.context.idleProxies.release(this.#allocated, name);
      this.context.jobs.remove(name);
      this.context.onJobOver(name);
    }
  }

  #list(name: string, { user, argv, nodes }: RunRequest, timeline: TimelineKeeper): void {
    const { uid } = this.user;
    this.context.jobs.add({
      name,
      owners: [uid, user?.uid ?? uid],
      nodeCount: () => this.#allocated.size,
      status: () => ({
        ...{ job: name, uid, command: argv, nodes, age: timeline.now() },
        phase: this.#job?.phase ?? this.#phase,
        ...(this.#job ? { stream: this.#job.status() } : {}),
      }),
      cancel: (reason) => this.cancel(reason),
    });
  }

  /** Before the layer is scanned: another job that is prepared meanwhile finds the proxies in use. */
  #allocate(members: readonly string[], job: string): void {
    for (const member of members) this.#allocated.add(member);
    this.context.idleProxies.allocate(members, job);
  }

  async #answers(proxy: string): Promise<boolean> {
    const error = await this.context.probe(proxy);
    if (error) this.context.log.warn(`${proxy} is not borrowed: ${error.message}`);
    return error === undefined;
  }

  async #learn({ split: { learnt } }: Deployment): Promise<void> {
    const reads = this.#job?.reads;
    if (learnt && reads) await this.context.learnt.learn(this.user.uid, learnt.key, reads);
  }

  #prepare(
    name: string,
    request: RunRequest,
    spares: readonly string[],
    timeline: TimelineKeeper,
  ): Promise<Deployment> {
    const { config, cacheDirectory, idleProxies, learnt } = this.context;
    this.#progress('scanning');
    return prepareDeployment({
      config,
      request,
      spares,
      user: this.user,
      cacheFile: `${cacheDirectory}/${this.user.uid}-${encodeURIComponent(request.upper).slice(-200)}`,
      signal: this.#abort.signal,
      ...(request.learn ? { recall: learnt.recaller(this.user.uid, config.learning.budgetBytes) } : {}),
      engineReportsHoles: hookEngine(request.hook ?? config.hook, request.fuseEngine ?? config.fuseEngine)
        .reportsHoles,
      isIdle: (proxy) => this.#allocated.has(proxy) || idleProxies.isIdle(proxy),
      answers: (proxy) => this.#answers(proxy),
      onTree: (members) => this.#allocate(members, name),
      onPhase: (phase) => {
        timeline.mark(phase);
        if (phase !== 'planned') this.#progress(phase === 'scanned' ? 'splitting' : 'planning');
      },
    });
  }

  async #stream({ name, request, stall, loss, deployment, timeline }: Stream): Promise<Report> {
    const { idleProxies } = this.context;
    for (const text of warningsOf(deployment.split)) this.#command.send({ t: 'warning', text });
    const spec = jobSpec({ name, user: request.user ?? this.user, request, stall, deployment });
    checkJob(spec);
    const job = new LoginJob({
      spec,
      deployment,
      timeline,
      complete: request.complete,
      recoveryDeadlineMs: this.context.config.recoveryDeadlineMs,
      repairDelayMs: this.context.config.repairDelayMs,
      stall,
      loss,
      ...storageOptions(this.context.config, this.context.storageRecords, spec),
      port: {
        connect: (node) => this.context.connect(node),
        onOutput: (node, stream, bytes) => this.#command.output({ t: 'output', node, stream }, bytes),
        onProgress: (progress) => this.#progress('streaming', deployment, progress),
        onInputCredit: (bytes) => this.#command.send({ t: 'credit', bytes }),
        onDelivered: () => idleProxies.release(deployment.tree.borrowed, name),
        onWarning: (text) => this.#command.send({ t: 'warning', text }),
        onFailed: () => this.#command.stopWaiting(),
      },
    });
    this.#job = job;
    this.context.onJob(name, job);
    return job.run();
  }

  #sendReport(report: Report): void {
    const json = Buffer.from(JSON.stringify(report));
    for (let start = 0; start < json.length; start += FRAME_BODY_MAX_BYTES) {
      this.#command.send({ t: 'report' }, json.subarray(start, start + FRAME_BODY_MAX_BYTES));
    }
    const [error] = report.errors;
    const highest = Object.values(report.exit).reduce((max, status) => Math.max(max, status), 0);
    const status = error ? 1 : highest;
    this.#command.send({ t: 'over', status, ...(error ? { error } : {}) });
  }

  #progress(phase: ProgressMessage['phase'], deployment?: Deployment, progress?: Progress): void {
    this.#phase = phase;
    // A command that is stopped need not hear all of it.
    if (this.#command.isBehind) return;
    this.#command.send(progressMessage(phase, deployment, progress, this.#job?.present));
  }
}
