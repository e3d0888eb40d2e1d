/**
 * `tees probe`: the paper's empty-file check (section 3.6), along the tree that a job would have. Who is not reached is
 * called past the tree, so that what is known is not only the path that failed, but who is alive behind it.
 */
import { mapBounded } from '../base/bounded.js';
import type { Clock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { PROBED_DIRECTLY_AT_ONCE_MAX, PROBES_AT_ONCE_MAX } from '../base/limits.js';
import type { Config } from '../config/config.js';
import { METHODS, chooseMethod } from '../planning/method.js';
import { planTree } from '../planning/shape.js';
import type { ShapedTree } from '../planning/shape.js';
import { selectNodes } from '../topology/select.js';
import type { Tree } from '../topology/tree.js';
import type { Probes } from '../transport/probes.js';
import { nodesOf } from '../wire/job.js';
import type { Subtree } from '../wire/job.js';
import { hopFailure } from '../wire/probe.js';
import type { HopFailure, ProbedHop } from '../wire/probe.js';
import type {
  DirectFact,
  HopFact,
  HopFailureFact,
  ProbeFacts,
  ProbeRequest,
} from '../wire/probe-question.js';
import { subtreesOf } from './subtrees.js';

export interface ProbingContext {
  /** The one that holds now. */
  config(): Config;
  readonly probes: Probes;
  readonly clock: Clock;
  isIdle(proxy: string): boolean;
  /** By a connection of its own; undefined when its daemon answers. */
  callDirectly(node: string, deadlineMs: number): Promise<TeesError | undefined>;
}

/** A node that is alive answers a call at once; who waits for one that is not, waits for all of that. */
const DIRECT_DEADLINE_MAX_MS = 2_000;

/** What fails by a link that was there before may work by a new one; a call by the login node would only repeat others. */
const WORTH_ANOTHER_CALL: readonly string[] = ['silent', 'lost'];

/** Of one login node. */
export class Prober {
  #underWay = 0;

  constructor(private readonly context: ProbingContext) {}

  /** @throws TeesError of the request: of the node list, the method, the shape; PROBES_TOO_MANY */
  async probe(request: ProbeRequest, signal: AbortSignal): Promise<ProbeFacts> {
    if (this.#underWay >= PROBES_AT_ONCE_MAX)
      throw new TeesError(
        'PROBES_TOO_MANY',
        `${PROBES_AT_ONCE_MAX} probes are under way at this login node already`,
        {
          hint: 'They take seconds: try again.',
        },
      );
    this.#underWay += 1;
    try {
      return await new Probing(request, this.context, signal).facts();
    } finally {
      this.#underWay -= 1;
    }
  }
}

class Probing {
  readonly #found = new Map<string, ProbedHop>();
  readonly #direct = new Map<string, DirectFact>();
  readonly #subtrees = new Map<string, Subtree>();
  readonly #calls: Promise<void>[] = [];
  readonly #plan: ShapedTree & { readonly method: string; readonly nodeCount: number };

  constructor(
    private readonly request: ProbeRequest,
    private readonly context: ProbingContext,
    private readonly signal: AbortSignal,
  ) {
    this.#plan = this.#planTree();
  }

  async facts(): Promise<ProbeFacts> {
    const { clock } = this.context;
    const { tree, shape, method, nodeCount } = this.#plan;
    const startMs = clock.nowMs();
    await this.#probe(subtreesOf(tree, new Set(tree.borrowed)));
    await Promise.all(this.#calls);
    const failures = this.#failures(tree);
    const hops = this.#hops(tree);
    return {
      ok: failures.length === 0,
      method,
      shape,
      nodes: nodeCount,
      borrowed: tree.borrowed,
      answered: hops.filter(({ node }) => !tree.borrowed.includes(node)).length,
      depth: tree.depth,
      timeout: this.request.timeoutMs / 1000,
      took: round((clock.nowMs() - startMs) / 1000),
      hops,
      failures,
    };
  }

  /** As for a job; only that a borrowed proxy node that does not answer is a finding here. */
  #planTree(): ShapedTree & { method: string; nodeCount: number } {
    const config = this.context.config();
    const { nodes: list, bytes, shape = config.tree.shape } = this.request;
    const nodes = selectNodes(config.cluster, list);
    const method = chooseMethod(this.request.method, {
      ...{ nodeCount: nodes.length, thresholdNodes: config.tree.thresholdNodes },
      hasStorage: config.sharedStorage !== undefined,
    });
    const width = this.request.width ?? config.tree.width;
    const plan = planTree(METHODS[method], {
      shape,
      input: { cluster: config.cluster, nodes, width, isIdle: (proxy) => this.context.isIdle(proxy) },
      rootWidth: this.request.width ?? config.tree.rootWidth,
      network: config.network,
      payload: { urgentBytes: bytes, totalBytes: bytes },
    });
    return { ...plan, method, nodeCount: nodes.length };
  }

  #probe(children: readonly Subtree[]): Promise<void> {
    for (const child of children) for (const tree of nodesOf(child)) this.#subtrees.set(tree.name, tree);
    return new Promise((resolve, reject) => {
      const probe = this.context.probes.begin({
        children,
        timeoutMs: this.request.timeoutMs,
        onFound: (hops) => hops.forEach((hop) => this.#take(hop)),
        onOver: () => (this.signal.aborted ? reject(this.signal.reason as Error) : resolve()),
      });
      this.signal.addEventListener('abort', () => probe.end(), { once: true });
      if (this.signal.aborted) probe.end();
    });
  }

  #take(hop: ProbedHop): void {
    this.#found.set(hop.node, hop);
    if (hop.failure) this.#calls.push(this.#callBelow(hop.node, hop.failure));
  }

  /** At once, while others are still waited for. */
  async #callBelow(node: string, { reason }: HopFailure): Promise<void> {
    const [top, ...below] = [...nodesOf(this.#subtrees.get(node) as Subtree)].map(({ name }) => name);
    const isOfRoot = this.#plan.tree.parents[this.#plan.tree.names.indexOf(node)] === 0;
    const again = isOfRoot && !WORTH_ANOTHER_CALL.includes(reason) ? [] : [top as string];
    await mapBounded([...again, ...below], PROBED_DIRECTLY_AT_ONCE_MAX, (name) => this.#call(name));
  }

  async #call(node: string): Promise<void> {
    if (this.signal.aborted) return;
    const deadlineMs = Math.min(this.request.timeoutMs, DIRECT_DEADLINE_MAX_MS);
    const error = await this.context.callDirectly(node, deadlineMs);
    this.#direct.set(node, error ? unansweredFact(error) : { answers: true });
  }

  #hops({ names, parents }: Tree): HopFact[] {
    const levels: number[] = [];
    return names.flatMap((node, index) => {
      const parent = parents[index] as number;
      const level = index === 0 ? 0 : (levels[parent] as number) + 1;
      levels.push(level);
      const hop = this.#found.get(node);
      if (!hop || hop.failure) return [];
      const group = this.context.config().cluster.nodes.get(node)?.group ?? '';
      return [{ node, parent: names[parent] as string, level, group, ...timesOf(hop) }];
    });
  }

  #failures({ names, parents }: Tree): HopFailureFact[] {
    return names.flatMap((node, index) => {
      const failure = this.#found.get(node)?.failure;
      if (!failure) return [];
      const path: string[] = [];
      for (let at = index; at >= 0; at = parents[at] as number) path.unshift(names[at] as string);
      const { reason, error } = failure;
      const direct = this.#direct.get(node);
      const [, ...below] = [...nodesOf(this.#subtrees.get(node) as Subtree)];
      const facts = below.map(({ name }) => ({ node: name, ...(this.#direct.get(name) as DirectFact) }));
      const { code, message } = error;
      return [{ node, path, reason, code, message, ...(direct ? { direct } : {}), below: facts }];
    });
  }
}

function unansweredFact(error: TeesError): DirectFact {
  const { reason, error: record } = hopFailure(error);
  return { answers: false, reason, message: record.message };
}

function timesOf({ roundTrips, connect }: ProbedHop): Pick<HopFact, 'roundTrip' | 'connect'> {
  const sorted = [...roundTrips].sort((a, b) => a - b);
  const at = (index: number): number => (sorted[index] ?? 0) / 1e6;
  const roundTrip = { min: at(0), median: at(sorted.length >> 1), max: at(sorted.length - 1) };
  return { roundTrip, ...(connect === undefined ? {} : { connect: connect / 1e6 }) };
}

/** To microseconds. */
function round(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
