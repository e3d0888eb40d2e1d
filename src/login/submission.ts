/**
 * One job from its request to its report: decided, prepared, streamed, learnt from. Whoever has submitted it hears of it by a
 * port: a command at the daemon's socket (session.ts), or a node of a resource manager's job (residents.ts).
 */
import { systemClock } from '../base/clock.js';
import type { TeesError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { PeerCredentials } from '../base/native.js';
import type { Config } from '../config/config.js';
import type { Report } from '../report/report.js';
import { hookEngine } from '../serving/hooks.js';
import { managerNamed } from '../resource-manager/resource-managers.js';
import { selectNodes } from '../topology/select.js';
import type { Link } from '../transport/link.js';
import type { ProgressMessage, RunRequest } from '../wire/api.js';
import { checkJob } from '../wire/job.js';
import type { ResidentSpec } from '../wire/resident.js';
import type { JobPhase } from '../wire/jobs.js';
import type { Progress } from '../wire/messages.js';
import { prepareDeployment } from './deployment.js';
import type { Deployment } from './deployment.js';
import type { IdleProxies } from './idle-proxies.js';
import { LoginJob } from './job.js';
import type { JobList } from './job-list.js';
import { jobSpec } from './job-spec.js';
import type { LearntRecords } from './learnt-records.js';
import { lossSettings } from './membership.js';
import { progressMessage } from './progress-message.js';
import { storageOptions } from './storage-delivery.js';
import type { TakeCargo } from './shared-cargo.js';
import type { StorageRecords } from './storage-records.js';
import { stallSettings } from './stall-policies.js';
import { TimelineKeeper } from './timeline.js';
import { warningsOf } from './warnings.js';

export interface SubmissionContext {
  readonly config: Config;
  readonly log: Log;
  readonly cacheDirectory: string;
  readonly idleProxies: IdleProxies;
  readonly storageRecords: StorageRecords;
  readonly learnt: LearntRecords;
  readonly jobs: JobList;
  connect(node: string): Promise<Link>;
  /** Undefined when the node's daemon answers. */
  probe(node: string): Promise<TeesError | undefined>;
  nextJobName(): string;
  onJob(name: string, job: LoginJob): void;
  onJobOver(name: string): void;
}

/** What a job is for, when it is not a command of its own. */
export interface Purpose {
  /** Tasks that a resource manager starts are to come in. */
  readonly resident?: ResidentSpec;
  /** Other jobs on these nodes, of tasks of that array, are to find what it carries. */
  readonly carriesFor?: ResidentSpec;
  /** Others carry the same. */
  readonly takeCargo?: TakeCargo;
}

export interface SubmissionPort {
  onOutput(node: string, stream: 'stdout' | 'stderr', bytes: Buffer): void | Promise<void>;
  /** What is said while it is behind may be left out. */
  isBehind(): boolean;
  onProgress(message: ReturnType<typeof progressMessage>): void;
  onInputCredit(bytes: number): void;
  onWarning(text: string): void;
  /** A node has the urgent part. */
  onUrgent?(node: string): void;
  /** The job is given up: nobody waits any more for who does not take its output. */
  onFailed(): void;
}

export class Submission {
  readonly name: string;
  readonly #abort = new AbortController();
  readonly #timeline = new TimelineKeeper(systemClock);
  readonly #allocated = new Set<string>();
  #job: LoginJob | undefined;
  #phase: JobPhase = 'scanning';
  #idleNodes: Promise<ReadonlySet<string>> | undefined;
  #over: Promise<unknown> = Promise.resolve();

  /** @param user who asks, by the kernel's word */
  constructor(
    private readonly user: PeerCredentials,
    private readonly context: SubmissionContext,
    private readonly port: SubmissionPort,
  ) {
    this.name = context.nextJobName();
  }

  /** Undefined until it is prepared. */
  get job(): LoginJob | undefined {
    return this.#job;
  }

  /**
   * Resolves when the job is over on every node.
   * @throws TeesError when it came to nothing before anything was sent
   */
  run(request: RunRequest, purpose: Purpose = {}): Promise<Report> {
    const over = this.#run(request, purpose);
    this.#over = over.catch(() => {});
    return over;
  }

  giveUp(reason: TeesError): void {
    this.#abort.abort(reason);
    this.#job?.fail(reason);
  }

  async #run(request: RunRequest, purpose: Purpose): Promise<Report> {
    const { context, name } = this;
    const { resident } = purpose;
    try {
      this.#list(request, resident ?? purpose.carriesFor);
      const { config } = context;
      const stall = stallSettings(
        request.onStall ?? config.onStall,
        request.stallDeadlineMs ?? config.stallDeadlineMs,
      );
      const spares = request.spares === undefined ? [] : selectNodes(config.cluster, request.spares);
      const loss = lossSettings(request.onLoss ?? 'stop', spares);
      const deployment = await this.#prepare(request, spares, purpose);
      if (this.#abort.signal.aborted) await deployment.source.close();
      this.#abort.signal.throwIfAborted();
      for (const text of warningsOf(deployment.split)) this.port.onWarning(text);
      const user = request.user ?? this.user;
      const spec = jobSpec({ name, user, request, stall, deployment, resident });
      checkJob(spec);
      const job = new LoginJob({
        spec,
        deployment,
        timeline: this.#timeline,
        complete: request.complete,
        recoveryDeadlineMs: config.recoveryDeadlineMs,
        repairDelayMs: config.repairDelayMs,
        stall,
        loss,
        ...storageOptions(config, context.storageRecords, spec),
        port: {
          ...this.port,
          connect: (node) => context.connect(node),
          onUrgent: (node) => this.port.onUrgent?.(node),
          onProgress: (progress) => this.#progress('streaming', deployment, progress),
          onDelivered: () => context.idleProxies.release(deployment.tree.borrowed, name),
        },
      });
      this.#job = job;
      context.onJob(name, job);
      const report = await job.run();
      await this.#learn(deployment);
      return report;
    } finally {
      context.idleProxies.release(this.#allocated, name);
      context.jobs.remove(name);
      context.onJobOver(name);
    }
  }

  #list({ user, argv, nodes }: RunRequest, resident: ResidentSpec | undefined): void {
    const { uid } = this.user;
    this.context.jobs.add({
      name: this.name,
      owners: [uid, user?.uid ?? uid],
      nodeCount: () => this.#allocated.size,
      status: () => ({
        ...{ job: this.name, uid, command: argv, nodes, age: this.#timeline.now() },
        phase: this.#job?.phase ?? this.#phase,
        ...(resident ? { resident } : {}),
        ...(this.#job ? { stream: this.#job.status() } : {}),
      }),
      cancel: async (reason) => {
        this.giveUp(reason);
        await this.#over;
      },
    });
  }

  /** Before the layer is scanned: another job that is prepared meanwhile finds the proxies in use. */
  #allocate(members: readonly string[]): void {
    for (const member of members) this.#allocated.add(member);
    this.context.idleProxies.allocate(members, this.name);
  }

  /** Whether it may be borrowed: no other job has it, and its daemon is there. */
  async #answers(proxy: string): Promise<boolean> {
    if (!(await this.#isFree(proxy))) return false;
    const error = await this.context.probe(proxy);
    if (error) this.context.log.warn(`${proxy} is not borrowed: ${error.message}`);
    return error === undefined;
  }

  /** By the resource manager's word, where there is one. */
  async #isFree(proxy: string): Promise<boolean> {
    const { resourceManager } = this.context.config;
    if (resourceManager === 'none') return true;
    this.#idleNodes ??= managerNamed(resourceManager).idleNodes();
    try {
      return (await this.#idleNodes).has(proxy);
    } catch (error) {
      this.context.log.warn(`${proxy} is not borrowed: ${(error as Error).message}`);
      return false;
    }
  }

  async #learn({ split: { learnt } }: Deployment): Promise<void> {
    const reads = this.#job?.reads;
    if (learnt && reads) await this.context.learnt.learn(this.user.uid, learnt.key, reads);
  }

  #prepare(
    request: RunRequest,
    spares: readonly string[],
    { resident, carriesFor, takeCargo }: Purpose,
  ): Promise<Deployment> {
    const { config, cacheDirectory, idleProxies, learnt } = this.context;
    const isResident = resident !== undefined || carriesFor !== undefined;
    this.#progress('scanning');
    return prepareDeployment({
      config,
      request,
      spares,
      isResident,
      carriesOnly: carriesFor !== undefined,
      ...(takeCargo ? { takeCargo } : {}),
      user: this.user,
      cacheFile: `${cacheDirectory}/${this.user.uid}-${encodeURIComponent(request.environment ?? request.upper).slice(-200)}`,
      signal: this.#abort.signal,
      // A resource manager's task is there already: what it is known to read comes first, and it need not wait for all of it.
      ...(request.learn
        ? { recall: learnt.recaller(this.user.uid, isResident ? 0 : config.learning.budgetBytes) }
        : {}),
      engineReportsHoles: hookEngine(request.hook ?? config.hook, request.fuseEngine ?? config.fuseEngine)
        .reportsHoles,
      isIdle: (proxy) => this.#allocated.has(proxy) || idleProxies.isIdle(proxy),
      answers: (proxy) => this.#answers(proxy),
      onTree: (members) => this.#allocate(members),
      onPhase: (phase) => {
        this.#timeline.mark(phase);
        if (phase !== 'planned') this.#progress(phase === 'scanned' ? 'splitting' : 'planning');
      },
    });
  }

  #progress(phase: ProgressMessage['phase'], deployment?: Deployment, progress?: Progress): void {
    this.#phase = phase;
    // A command that is stopped need not hear all of it.
    if (this.port.isBehind()) return;
    this.port.onProgress(progressMessage(phase, deployment, progress, this.#job?.present));
  }
}
