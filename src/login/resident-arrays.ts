/**
 * What the tasks of the resource manager's arrays have in common (docs/decisions/0028-many-jobs-at-once.md): one carrier takes the
 * environment to the nodes of all of them, and what is carried is prepared once.
 */
import { TeesError } from '../base/errors.js';
import { lookUpUser } from '../base/users.js';
import type { ManagedJob, ResourceManager } from '../resource-manager/resource-manager.js';
import { foldHostlist } from '../topology/hostlist.js';
import type { ResideRequest } from '../wire/resident.js';
import { ArrayCarriers } from './carriers.js';
import type { Carriage } from './carriers.js';
import { portOf, runRequest } from './resident-run.js';
import { SharedCargo } from './shared-cargo.js';
import type { TakeCargo } from './shared-cargo.js';
import { Submission } from './submission.js';
import type { SubmissionContext } from './submission.js';

/** One environment of one array. */
interface ArrayUse {
  readonly carriers: ArrayCarriers;
  readonly cargo: SharedCargo;
  tasks: number;
}

/** One task's part in it. */
export interface ArrayTask {
  readonly takeCargo: TakeCargo;
  /** Resolves when the task's own job may begin. */
  carried(): Promise<void>;
  /** Its job is over. */
  leave(): void;
}

export class ResidentArrays {
  readonly #uses = new Map<string, ArrayUse>();

  /** @param context made anew for each: the configuration may change */
  constructor(
    private readonly context: () => SubmissionContext,
    private readonly managerOf: (name: string) => ResourceManager,
  ) {}

  /** Undefined when it is no task of an array. */
  enter(request: ResideRequest, { array, uid, nodes }: ManagedJob): ArrayTask | undefined {
    if (array === undefined) return undefined;
    // The manager's numbers are of one user each.
    const key = `${request.manager}/${array}/${request.environment}`;
    const use = this.#uses.get(key) ?? this.#begin(key, request, array, uid);
    use.tasks++;
    return {
      takeCargo: use.cargo.ticket(),
      carried: async () => {
        if (this.#mayCarry(request)) await use.carriers.before(nodes);
      },
      leave: () => {
        if (--use.tasks > 0) return;
        this.#uses.delete(key);
        use.cargo.end();
        void use.carriers.end();
      },
    };
  }

  /** Resolves when nothing is carried any more. */
  async stop(): Promise<void> {
    await Promise.all([...this.#uses.values()].map(({ carriers }) => carriers.end()));
  }

  #begin(key: string, request: ResideRequest, array: string, uid: number): ArrayUse {
    const cargo = new SharedCargo();
    const carriers = new ArrayCarriers({
      taskNodes: () => this.#taskNodes(request.manager, array),
      carry: (nodes, onReady) => this.#carry(request, uid, array, cargo.ticket(), nodes, onReady),
    });
    const use = { carriers, cargo, tasks: 0 };
    this.#uses.set(key, use);
    return use;
  }

  async #taskNodes(manager: string, array: string): Promise<readonly string[]> {
    try {
      return (await this.managerOf(manager).taskNodes?.(array)) ?? [];
    } catch (error) {
      this.context().log.warn(`the tasks of array ${array} are not known: ${String(error)}`);
      return [];
    }
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
}
