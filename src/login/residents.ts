/**
 * Environments for jobs of the resource manager (docs/decisions/0026-under-slurm.md). A node on which a task of such a job
 * begins asks for them; whose the job is, and which nodes it has, the manager itself is asked. Each is there once, for all
 * steps of its job, until the manager says that the job has ended.
 */
import { TeesError } from '../base/errors.js';
import type { ErrorRecord } from '../base/errors.js';
import { RESIDENT_LOOK_INTERVAL_MS } from '../base/limits.js';
import { managerNamed } from '../resource-manager/resource-managers.js';
import type { ManagedJob, ResourceManager } from '../resource-manager/resource-manager.js';
import type { Link } from '../transport/link.js';
import { encodeResident, residentKey } from '../wire/resident.js';
import type { ResidentMessage, ResidentSpec, ResideRequest } from '../wire/resident.js';
import { ManagerQuestions } from './manager-questions.js';
import { ResidentArrays } from './resident-arrays.js';
import { portOf, runRequest } from './resident-run.js';
import { Submission } from './submission.js';
import type { SubmissionContext } from './submission.js';
import { lookUpUser } from '../base/users.js';

interface Resident {
  readonly spec: ResidentSpec;
  /** What the manager says of its job. */
  readonly managed: ManagedJob;
  /** Resolves when the deployment streams; rejects when it has failed before. */
  readonly begun: Promise<void>;
  readonly end: (reason: TeesError) => void;
  /** Each node has all of it. */
  readonly isDelivered: () => boolean;
  readonly over: Promise<void>;
}

export class Residents {
  readonly #residents = new Map<string, Resident>();
  readonly #questions = new Map<string, ManagerQuestions>();
  readonly #arrays: ResidentArrays;
  #timer: NodeJS.Timeout | undefined;
  #lookingUp = false;

  /** @param context made anew for each: the configuration may change */
  constructor(
    private readonly context: () => SubmissionContext,
    private readonly managerOf: (name: string) => ResourceManager = managerNamed,
  ) {
    this.#arrays = new ResidentArrays(context, managerOf);
  }

  receive(link: Link, message: ResidentMessage): void {
    if (message.t === 'reside') void this.#answer(link, message);
    if (message.t === 'ended') void this.#lookUp();
  }

  /** Environments that are everywhere stay, as when this daemon is lost: tasks are in them, which need it no more. */
  async stop(reason: TeesError): Promise<void> {
    clearInterval(this.#timer);
    const unfinished = [...this.#residents.values()].filter(({ isDelivered }) => !isDelivered());
    for (const resident of unfinished) resident.end(reason);
    await Promise.all([...unfinished.map(({ over }) => over), this.#arrays.stop()]);
  }

  async #answer(link: Link, request: ResideRequest): Promise<void> {
    const { manager, job, environment, uid } = request;
    let error: ErrorRecord | undefined;
    try {
      const key = residentKey(request);
      const managed = this.#residents.get(key)?.managed ?? (await this.#ask(request));
      mayAsk(link.peer, request, managed);
      await (this.#residents.get(key) ?? this.#begin(request, managed)).begun;
    } catch (thrown) {
      const failure = TeesError.from(thrown, 'INTERNAL');
      this.context().log.warn(
        `${manager} job ${job}, asked by ${link.peer}: ${failure.code}: ${failure.message}`,
      );
      error = failure.toRecord();
    }
    link.post(encodeResident({ t: 'resided', manager, job, environment, uid, ...(error ? { error } : {}) }));
  }

  #begin(request: ResideRequest, managed: ManagedJob): Resident {
    const spec = { manager: request.manager, job: request.job, environment: request.environment };
    const key = residentKey(spec);
    const context = this.context();
    let started: () => void = () => {};
    const streaming = new Promise<void>((resolve) => (started = resolve));
    let submission: Submission | undefined;
    let ended: TeesError | undefined;
    const task = this.#arrays.enter(request, managed);
    const run = async (): Promise<void> => {
      const user = await lookUpUser(String(managed.uid));
      await task?.carried();
      submission = new Submission({ ...user, pid: 0 }, { ...context, onJob: begin }, portOf(context, spec));
      if (ended) throw ended;
      await submission.run(runRequest(request, managed.nodes), {
        resident: spec,
        ...(task ? { takeCargo: task.takeCargo } : {}),
      });
    };
    const begin: SubmissionContext['onJob'] = (name, job) => {
      context.onJob(name, job);
      context.log.info(
        `${spec.manager} job ${spec.job}: environment ${spec.environment} is on its way (job ${name})`,
      );
      started();
    };
    const running = run();
    const over = running
      .catch(() => {})
      .finally(() => {
        this.#residents.delete(key);
        task?.leave();
      });
    const failed = running.then(() => {
      throw new TeesError('ENVIRONMENT_ENDED', 'the environment has ended');
    });
    const begun = Promise.race([streaming, failed]);
    begun.catch(() => {});
    const end = (reason: TeesError): void => {
      ended ??= reason;
      submission?.giveUp(reason);
    };
    const isDelivered = (): boolean => submission?.job?.phase === 'delivered';
    const resident = { spec, managed, begun, end, isDelivered, over };
    this.#residents.set(key, resident);
    this.#timer ??= setInterval(() => void this.#lookUp(), RESIDENT_LOOK_INTERVAL_MS).unref();
    return resident;
  }

  /** @throws TeesError RESIDENT_FORBIDDEN of a manager that is not this site's; and what asking throws */
  async #ask({ manager, job }: ResidentSpec): Promise<ManagedJob> {
    if (manager !== this.context().config.resourceManager)
      throw new TeesError('RESIDENT_FORBIDDEN', `jobs of '${manager}' have no environments here`);
    let questions = this.#questions.get(manager);
    if (!questions) this.#questions.set(manager, (questions = new ManagerQuestions(this.managerOf(manager))));
    return questions.ask(job);
  }

  /** Those whose jobs have ended, end. While the manager does not answer, nothing does. */
  async #lookUp(): Promise<void> {
    if (this.#lookingUp || this.#residents.size === 0) return;
    this.#lookingUp = true;
    try {
      for (const name of new Set([...this.#residents.values()].map(({ spec }) => spec.manager))) {
        const mine = [...this.#residents.values()].filter(({ spec }) => spec.manager === name);
        const known = await this.managerOf(name).lookUp([...new Set(mine.map(({ spec }) => spec.job))]);
        for (const { spec, end } of mine) {
          if (known.get(spec.job)?.runs) continue;
          end(new TeesError('CANCELLED', `job ${spec.job} of ${name} has ended`));
        }
      }
    } catch (error) {
      this.context().log.warn(`whether jobs have ended is not known: ${String(error)}`);
    } finally {
      this.#lookingUp = false;
    }
  }
}

/** On which node a task begins, the node's own manager says; whose job it is there, it could only say wrongly. */
function mayAsk(peer: string, { job, uid }: ResideRequest, managed: ManagedJob): void {
  if (managed.uid !== uid)
    throw new TeesError('RESIDENT_FORBIDDEN', `job ${job} is of uid ${managed.uid}, and not of ${uid}`);
  if (!managed.nodes.includes(peer))
    throw new TeesError('RESIDENT_FORBIDDEN', `job ${job} has no node ${peer}`, { node: peer });
}
