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
import { foldHostlist } from '../topology/hostlist.js';
import type { Link } from '../transport/link.js';
import { encodeResident, residentKey } from '../wire/resident.js';
import type { ResidentMessage, ResidentSpec, ResideRequest } from '../wire/resident.js';
import type { RunRequest } from '../wire/api.js';
import { ArrayCarriers } from './carriers.js';
import type { Carriage } from './carriers.js';
import { ManagerQuestions } from './manager-questions.js';
import { SharedCargo } from './shared-cargo.js';
import type { TakeCargo } from './shared-cargo.js';
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

/** Of an array's tasks that have an environment. */
interface ArrayUse {
  readonly carriers: ArrayCarriers;
  readonly cargo: SharedCargo;
}

export class Residents {
  readonly #residents = new Map<string, Resident>();
  readonly #questions = new Map<string, ManagerQuestions>();
  readonly #arrays = new Map<string, ArrayUse>();
  #timer: NodeJS.Timeout | undefined;
  #lookingUp = false;

  /** @param context made anew for each: the configuration may change */
  constructor(
    private readonly context: () => SubmissionContext,
    private readonly managerOf: (name: string) => ResourceManager = managerNamed,
  ) {}

  receive(link: Link, message: ResidentMessage): void {
    if (message.t === 'reside') void this.#answer(link, message);
    if (message.t === 'ended') void this.#lookUp();
  }

  /** Environments that are everywhere stay, as when this daemon is lost: tasks are in them, which need it no more. */
  async stop(reason: TeesError): Promise<void> {
    clearInterval(this.#timer);
    const unfinished = [...this.#residents.values()].filter(({ isDelivered }) => !isDelivered());
    for (const resident of unfinished) resident.end(reason);
    await Promise.all([
      ...unfinished.map(({ over }) => over),
      ...[...this.#arrays.values()].map(({ carriers }) => carriers.end()),
    ]);
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
    const array = this.#arrayOf(request, managed);
    const takeCargo = array?.cargo.ticket();
    const run = async (): Promise<void> => {
      const user = await lookUpUser(String(managed.uid));
      if (this.#mayCarry(request)) await array?.carriers.before(managed.nodes);
      submission = new Submission({ ...user, pid: 0 }, { ...context, onJob: begin }, portOf(context, spec));
      if (ended) throw ended;
      await submission.run(runRequest(request, managed.nodes), {
        resident: spec,
        ...(takeCargo ? { takeCargo } : {}),
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
        this.#forgetArray(request, managed);
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

  /** Undefined when it is no task of an array. */
  #arrayOf(request: ResideRequest, { array, uid }: ManagedJob): ArrayUse | undefined {
    if (array === undefined) return undefined;
    const key = arrayKey(request, array);
    const known = this.#arrays.get(key);
    if (known) return known;
    const manager = this.managerOf(request.manager);
    const taskNodes = async (): Promise<readonly string[]> => {
      try {
        return (await manager.taskNodes?.(array)) ?? [];
      } catch (error) {
        this.context().log.warn(`the tasks of array ${array} are not known: ${String(error)}`);
        return [];
      }
    };
    const cargo = new SharedCargo();
    const carry = (nodes: readonly string[], onReady: (node: string) => void): Carriage =>
      this.#carry(request, uid, array, cargo.ticket(), nodes, onReady);
    const use = { cargo, carriers: new ArrayCarriers({ taskNodes, carry }) };
    this.#arrays.set(key, use);
    return use;
  }

  /** Where nodes keep nothing a carrier is of no use, nor where each takes all from the shared storage. */
  #mayCarry({ method }: ResideRequest): boolean {
    const { store, sharedStorage } = this.context().config;
    return store.cacheBytes > 0 && (sharedStorage === undefined || method === 'p2p');
  }

  /** To all nodes on which tasks of an array begin. */
  #carry(
    request: ResideRequest,
    uid: number,
    array: string,
    takeCargo: TakeCargo,
    nodes: readonly string[],
    onReady: (node: string) => void,
  ): Carriage {
    const context = this.context();
    const { manager, environment } = request;
    const what = `environment ${environment}, for the tasks of array ${array} of ${manager}`;
    const port = { ...portOf(context, { manager, job: array, environment }), onUrgent: onReady };
    let submission: Submission | undefined;
    let ended: TeesError | undefined;
    const run = async (): Promise<void> => {
      const user = await lookUpUser(String(uid));
      submission = new Submission({ ...user, pid: 0 }, context, port);
      if (ended) throw ended;
      context.log.info(`${what}: is on its way to ${foldHostlist(nodes)} (job ${submission.name})`);
      await submission.run(
        { ...runRequest(request, nodes), complete: true },
        { carriesFor: { manager, job: array, environment }, takeCargo },
      );
    };
    const over = run().catch((error: unknown) => context.log.warn(`${what}: ${String(error)}`));
    const end = (): void => {
      ended = new TeesError('CANCELLED', `${what}: all of them have ended`);
      submission?.giveUp(ended);
    };
    return { over, end };
  }

  /** Others of it may still run. */
  #forgetArray(request: ResideRequest, { array }: ManagedJob): void {
    if (array === undefined) return;
    const key = arrayKey(request, array);
    const isSame = ({ spec, managed }: Resident): boolean =>
      managed.array !== undefined && arrayKey(spec, managed.array) === key;
    if ([...this.#residents.values()].some(isSame)) return;
    const use = this.#arrays.get(key);
    this.#arrays.delete(key);
    use?.cargo.end();
    void use?.carriers.end();
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

/** Of one user: the manager's numbers are of one job each. */
function arrayKey(
  { manager, environment }: Pick<ResidentSpec, 'manager' | 'environment'>,
  array: string,
): string {
  return `${manager}/${array}/${environment}`;
}

/** On which node a task begins, the node's own manager says; whose job it is there, it could only say wrongly. */
function mayAsk(peer: string, { job, uid }: ResideRequest, managed: ManagedJob): void {
  if (managed.uid !== uid)
    throw new TeesError('RESIDENT_FORBIDDEN', `job ${job} is of uid ${managed.uid}, and not of ${uid}`);
  if (!managed.nodes.includes(peer))
    throw new TeesError('RESIDENT_FORBIDDEN', `job ${job} has no node ${peer}`, { node: peer });
}

function runRequest(request: ResideRequest, nodes: readonly string[]): RunRequest {
  const { environment, argv, cwd, path, libraries, hook, method, onLoss, learn } = request;
  return {
    nodes: foldHostlist(nodes),
    argv,
    cwd,
    environment,
    // What its dependencies are looked for with.
    env: { ...(path ? { PATH: path } : {}), ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}) },
    // Instead of which `environment` is opened.
    upper: '/',
    urgent: [],
    method: method || 'auto',
    ...(hook ? { hook } : {}),
    ...(onLoss ? { onLoss } : {}),
    complete: false,
    demand: true,
    learn,
  };
}

/** Nobody sits before it: what is to be said goes to the log. */
function portOf(
  { log }: SubmissionContext,
  { manager, job }: ResidentSpec,
): ConstructorParameters<typeof Submission>[2] {
  return {
    onOutput: () => {},
    isBehind: () => true,
    onProgress: () => {},
    onInputCredit: () => {},
    onWarning: (text) => log.warn(`${manager} job ${job}: ${text}`),
    onFailed: () => {},
  };
}
