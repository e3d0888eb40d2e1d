/**
 * The daemon of a compute node: takes jobs from parents in a tree, runs its part, passes the rest on.
 * A composition root: it makes the parts and connects them.
 */
import { mkdir } from 'node:fs/promises';
import { TeesError } from '../base/errors.js';
import { JOBS_PAST_MAX, JOBS_PER_NODE_MAX } from '../base/limits.js';
import type { Log } from '../base/log.js';
import { addressOf } from '../config/address.js';
import type { Config } from '../config/config.js';
import { Removals } from '../environment/removals.js';
import { Capacity, freeBytesOf } from '../store/capacity.js';
import { ContentCache } from '../store/content-cache.js';
import type { Link } from '../transport/link.js';
import { Links } from '../transport/links.js';
import type { Metric } from '../base/metrics.js';
import { NetworkTests } from '../transport/network-tests.js';
import type { Prover } from '../wire/authentication.js';
import type { Frame } from '../wire/frame.js';
import { decodeAgain, decodeJob, isSameJob } from '../wire/job.js';
import type { JobSpec } from '../wire/job.js';
import { encodeMessage } from '../wire/messages.js';
import { decodeResidentMessage, isResidentMessage } from '../wire/resident.js';
import { NodeJob } from './job.js';
import { takeOver } from './leftovers.js';
import { checkStorePlace } from './store-place.js';
import { DOOR_NAME, TaskDoor } from './task-door.js';

export interface NodeDaemonOptions {
  readonly config: Config;
  readonly self: string;
  readonly prover: Prover;
  readonly log: Log;
}

export class NodeDaemon {
  readonly #jobs = new Map<string, NodeJob>();
  /** Those that were here; the oldest are forgotten. */
  readonly #past = new Set<string>();
  readonly #links: Links;
  readonly #tests: NetworkTests;
  readonly #capacity: Capacity;
  readonly #removals: Removals;
  #cache: ContentCache | undefined;
  readonly #door: TaskDoor | undefined;
  #begun = 0;
  #refused = 0;

  constructor(private readonly options: NodeDaemonOptions) {
    const { config, self, prover, log } = options;
    const { directory, sizeBytes } = config.store;
    this.#capacity = new Capacity(
      directory,
      sizeBytes,
      () => freeBytesOf(directory) + (this.#cache?.idleBytes ?? 0),
      () => this.#cache ?? { isOn: false, busyBytes: 0 },
    );
    this.#removals = new Removals(`${config.store.directory}/removed`, log);
    this.#links = new Links({
      self,
      prover,
      silenceDeadlineMs: config.silenceDeadlineMs,
      address: (node) => addressOf(config, node),
      onFrame: (link, frame) => this.#receive(link, frame),
      onClosed: (link, error) => this.#linkClosed(link, error),
      onRefused: (error) => log.warn(`a connection was refused: ${error.code}: ${error.message}`),
    });
    this.#tests = new NetworkTests(self, this.#links, config.store.directory);
    if (config.resourceManager === 'none') return;
    this.#door = new TaskDoor({
      forUsers: config.resourceManager === 'pbs',
      path: `${config.runtimeDirectory}/${DOOR_NAME}`,
      node: self,
      log,
      connect: () => this.#links.connect(config.cluster.login.name),
      jobs: () => this.#jobs.values(),
    });
  }

  async start(): Promise<void> {
    const { config, self, log } = this.options;
    await mkdir(`${config.store.directory}/jobs`, { recursive: true, mode: 0o700 });
    checkStorePlace(config.store.directory, config.store.sizeBytes, self);
    this.#cache = new ContentCache(`${config.store.directory}/cache`, config.store.cacheBytes);
    await this.#removals.resume();
    await takeOver(`${config.store.directory}/jobs`, this.#removals, log, (spec) => this.#restore(spec));
    await this.#door?.start();
    await this.#links.listen('0.0.0.0', config.port);
  }

  /** Ends every job and closes every link. */
  async stop(): Promise<void> {
    const reason = new TeesError('DAEMON_STOPPED', 'the daemon was stopped', { node: this.options.self });
    this.#door?.stop();
    await Promise.all([...this.#jobs.values()].map((job) => job.abandon(reason)));
    await this.#links.close();
  }

  metrics(): Metric[] {
    const { sizeBytes, availableBytes } = this.#capacity;
    return [
      { name: 'jobs', kind: 'gauge', help: 'Jobs that are here.', value: this.#jobs.size },
      { name: 'jobs_begun_total', kind: 'counter', help: 'Jobs that have begun here.', value: this.#begun },
      {
        name: 'jobs_refused_total',
        kind: 'counter',
        help: 'Jobs that could not begin here.',
        value: this.#refused,
      },
      { name: 'store_size_bytes', kind: 'gauge', help: 'What the store may take.', value: sizeBytes },
      {
        name: 'store_available_bytes',
        kind: 'gauge',
        help: 'What the next job can have of it.',
        value: availableBytes,
      },
      {
        name: 'cache_idle_bytes',
        kind: 'gauge',
        help: 'Of earlier jobs, kept for later ones.',
        value: this.#cache?.idleBytes ?? 0,
      },
      ...this.#links.metrics(),
    ];
  }

  #receive(link: Link, frame: Frame): void | Promise<void> {
    if (frame.header['t'] === 'job') return this.#begin(link, frame);
    if (isResidentMessage(frame.header)) return this.#door?.answered(decodeResidentMessage(frame.header));
    if (this.#tests.concerns(frame.header)) return this.#tests.receive(link, frame);
    const name = frame.header['job'];
    const job = typeof name === 'string' ? this.#jobs.get(name) : undefined;
    // What was on its way when the job ended here is of no more use.
    if (!job?.ownsLink(link)) return;
    return job.receive(link, frame);
  }

  #begin(link: Link, frame: Frame): void {
    const { log } = this.options;
    const spec = decodeJob(frame.header);
    const known = this.#jobs.get(spec.job);
    if (known && !known.hasLeft && isSameJob(known.spec, spec)) {
      log.info(`job ${spec.job}: attached to parent ${link.peer}`);
      return known.attach(link, spec);
    }
    if (decodeAgain(frame.header) || known?.hasLeft || this.#past.has(spec.job))
      return this.#refuse(link, spec.job, true, 'it was here before, and is no more');
    const why = this.#whyNot(spec);
    if (why !== undefined) return this.#refuse(link, spec.job, false, why);
    const job = this.#makeJob(spec, false);
    log.info(`job ${spec.job}: begins, parent ${link.peer}`);
    this.#begun++;
    job.attach(link, spec);
    job.start();
  }

  async #restore(spec: JobSpec): Promise<void> {
    const why = this.#whyNot(spec);
    if (why !== undefined) throw new TeesError('JOB_REFUSED', why, { node: this.options.self });
    await this.#makeJob(spec, true).restore();
  }

  #makeJob(spec: JobSpec, restored: boolean): NodeJob {
    const { config, self, log } = this.options;
    const context = {
      config,
      self,
      log,
      capacity: this.#capacity,
      removals: this.#removals,
      cache: this.#cache as ContentCache,
      connect: (node: string) => this.#links.connect(node),
      makeRoom: () => this.#cache?.shrink(this.#capacity.unreservedBytes),
      onOver: () => this.#over(spec.job),
    };
    const job = new NodeJob(context, spec, restored);
    this.#jobs.set(spec.job, job);
    this.#door?.begun(spec);
    return job;
  }

  /** A task must not run twice: who has not heard that the job was here may ask for it once more. */
  #over(job: string): void {
    this.#jobs.delete(job);
    this.#past.add(job);
    if (this.#past.size > JOBS_PAST_MAX) this.#past.delete([...this.#past][0] as string);
  }

  #whyNot({ job, subtree }: JobSpec): string | undefined {
    if (subtree.name !== this.options.self) return `it is for ${subtree.name}`;
    if (this.#jobs.has(job)) return 'a job of this name is here already';
    if (this.#jobs.size >= JOBS_PER_NODE_MAX) return `${JOBS_PER_NODE_MAX} jobs are here already`;
    return undefined;
  }

  /** Told as a job that failed at once: other jobs use the same link. */
  #refuse(link: Link, job: string, isOver: boolean, why: string): void {
    const { self, log } = this.options;
    const error = new TeesError(
      isOver ? 'JOB_OVER' : 'JOB_REFUSED',
      `job ${job} cannot begin on ${self}: ${why}`,
      { node: self },
    );
    log.warn(`${error.message}, says ${link.peer}`);
    this.#refused++;
    const event = { node: self, event: 'failed', error: error.toRecord() } as const;
    link.post(encodeMessage({ t: 'events', job, events: [event] }));
    link.post(encodeMessage({ t: 'gone', job }));
  }

  #linkClosed(link: Link, error: TeesError | undefined): void {
    if (error) this.options.log.warn(`link to ${link.peer}: ${error.code}: ${error.message}`);
    for (const job of this.#jobs.values()) if (job.ownsLink(link)) job.linkClosed(link, error);
    this.#tests.linkClosed(link, error);
  }
}
