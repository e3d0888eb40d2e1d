/**
 * The tasks of an array are jobs of their own, which begin at the same time with the same environment: by themselves each is sent it down
 * a tree of its own. A carrier is a job in which nothing runs. It takes the environment to the nodes of all of them by one tree; their own
 * jobs begin when its urgent part is there, and take the rest as it comes (store/on-the-way.ts).
 *
 * Nothing depends on it: a job that finds no carrier, or has waited in vain, is sent what it lacks.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CARRIER_DEADLINE_MS } from '../base/limits.js';

/** Of one array. */
export interface CarrierPort {
  /** The nodes of its tasks that run now, those of each task; by the manager's word. Never rejects. */
  taskNodes(): Promise<readonly string[]>;
  /** Begins one. @param onReady on this node its urgent part is there */
  carry(nodes: readonly string[], onReady: (node: string) => void): Carriage;
}

export interface Carriage {
  /** Never rejects. */
  readonly over: Promise<void>;
  end(): void;
}

interface Carrier extends Carriage {
  readonly nodes: ReadonlySet<string>;
  readonly ready: ReadonlyMap<string, Promise<void>>;
}

export class ArrayCarriers {
  readonly #carriers: Carrier[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly port: CarrierPort,
    private readonly deadlineMs = CARRIER_DEADLINE_MS,
  ) {}

  /** Resolves when the job of a task on these nodes may begin. */
  async before(nodes: readonly string[]): Promise<void> {
    const choice = this.#turn.then(() => this.#find(nodes));
    this.#turn = choice.catch(() => {});
    const carrier = await choice;
    if (!carrier) return;
    const late = new AbortController();
    const there = Promise.all(nodes.map((node) => carrier.ready.get(node) ?? Promise.resolve()));
    const deadline = sleep(this.deadlineMs, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([there, carrier.over, deadline]);
    late.abort();
  }

  /** None of its tasks has a job any more. Resolves when nothing is carried. */
  async end(): Promise<void> {
    await this.#turn;
    for (const carrier of this.#carriers) carrier.end();
    await Promise.all(this.#carriers.map(({ over }) => over));
  }

  /** Undefined: no task begins beside this one. */
  async #find(nodes: readonly string[]): Promise<Carrier | undefined> {
    const known = this.#carriers.find((carrier) => nodes.every((node) => carrier.nodes.has(node)));
    if (known) return known;
    const tasks = await this.port.taskNodes();
    const fresh = tasks.filter((node) => !this.#carriers.some((carrier) => carrier.nodes.has(node)));
    if (fresh.length <= nodes.length || !nodes.every((node) => fresh.includes(node))) return undefined;
    const carrier = this.#begin([...new Set(fresh)]);
    this.#carriers.push(carrier);
    return carrier;
  }

  #begin(nodes: readonly string[]): Carrier {
    const ready = new Map<string, Promise<void>>();
    const tell = new Map<string, () => void>();
    for (const node of nodes) ready.set(node, new Promise((resolve) => tell.set(node, resolve)));
    const carriage = this.port.carry(nodes, (node) => tell.get(node)?.());
    return { ...carriage, nodes: new Set(nodes), ready };
  }
}
