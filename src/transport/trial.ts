/**
 * One node's part of a timed transfer. At the source it sends units to each child by itself, as fast as they are confirmed;
 * elsewhere units come from the parent, and are kept and passed on. A unit counts when its receiver has confirmed it: what
 * sockets have taken, and the network has not, is not measured.
 */
import type { Clock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { TRIAL_LINGER_MS } from '../base/limits.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import { nodesOf } from '../wire/job.js';
import type { Subtree } from '../wire/job.js';
import { encodeTrial } from '../wire/trial.js';
import type { TrialPlan, TrialTimes } from '../wire/trial.js';
import type { Link } from './link.js';

export interface TrialOptions {
  /** Among the trials of this daemon. */
  readonly id: string;
  readonly children: readonly Subtree[];
  readonly plan: TrialPlan;
  readonly digest: Buffer;
  readonly clock: Clock;
  connect(node: string): Promise<Link>;
  /** Those below can be sent units. */
  onReady(): void;
  /** A node below has confirmed a unit. */
  onGot(node: string, n: number): void;
  onFailed(error: TeesError): void;
}

interface Child {
  readonly tree: Subtree;
  /** Confirmed units by node, of it and of those below it. */
  readonly got: Map<string, number[]>;
  readonly sent: number[];
  link?: Link;
  ready: boolean;
  /** Whoever waits for a confirmation. */
  wake: () => void;
}

export class Trial {
  readonly #children: readonly Child[];
  readonly #deadline: NodeJS.Timeout;
  #startMs = 0;
  #ended = false;

  constructor(private readonly options: TrialOptions) {
    this.#children = options.children.map((tree) => ({
      tree,
      got: new Map([...nodesOf(tree)].map(({ name }) => [name, []])),
      sent: [],
      ready: false,
      wake: () => {},
    }));
    const late = (): void => this.fail(new TeesError('TRIAL_LATE', 'a timed transfer did not end in time'));
    this.#deadline = setTimeout(late, options.plan.durationMs + TRIAL_LINGER_MS);
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  open(): void {
    this.#tellReady();
    for (const child of this.#children) void this.#open(child);
  }

  async #open(child: Child): Promise<void> {
    const { name } = child.tree;
    const { id, plan, digest } = this.options;
    try {
      const link = await this.options.connect(name);
      if (this.#ended) return;
      child.link = link;
      link.post(encodeTrial({ t: 'trial', id, subtree: child.tree, source: false, digest, ...plan }));
    } catch (error) {
      this.fail(TeesError.from(error, 'NODE_UNREACHABLE', { node: name }));
    }
  }

  ready(link: Link): void {
    const child = this.#of(link);
    if (!child || child.ready) return;
    child.ready = true;
    this.#tellReady();
  }

  #tellReady(): void {
    if (!this.#ended && this.#children.every(({ ready }) => ready)) this.options.onReady();
  }

  /** @throws TeesError MESSAGE_INVALID */
  got(link: Link, node: string, n: number): void {
    const child = this.#of(link);
    if (!child || this.#ended) return;
    const got = child.got.get(node);
    if (got?.length !== n)
      throw new TeesError('MESSAGE_INVALID', `a message was refused: unit ${n} is not the next of ${node}`);
    got.push(this.#microseconds());
    this.options.onGot(node, n);
    child.wake();
  }

  /** A unit from the parent, which may be used again after that. */
  async passOn(n: number, unit: Buffer): Promise<void> {
    await Promise.all(this.#children.map((child) => this.#send(child, n, unit)));
  }

  /** Here is the source. Resolves when everything that was sent is confirmed. */
  async run(unit: Buffer): Promise<TrialTimes[]> {
    this.#startMs = this.options.clock.nowMs();
    await Promise.all(this.#children.map((child) => this.#stream(child, unit)));
    return this.#children.flatMap(({ sent, got }) =>
      [...got].map(([node, times]) => ({ node, sent, got: times })),
    );
  }

  async #stream(child: Child, unit: Buffer): Promise<void> {
    const { unitsMax, durationMs, window } = this.options.plan;
    for (let n = 0; n < unitsMax && !this.#ended; n++) {
      await this.#confirmed(child, n - window + 1);
      if (this.#microseconds() > durationMs * 1000) break;
      child.sent.push(this.#microseconds());
      await this.#send(child, n, unit);
    }
    await this.#confirmed(child, child.sent.length);
  }

  /** By everybody below, so many. */
  async #confirmed(child: Child, count: number): Promise<void> {
    const isConfirmed = (): boolean => [...child.got.values()].every(({ length }) => length >= count);
    while (!this.#ended && !isConfirmed()) await new Promise<void>((resolve) => (child.wake = resolve));
  }

  #send(child: Child, n: number, unit: Buffer): Promise<void> {
    if (!child.link || this.#ended) return Promise.resolve();
    chunkBuffers.hold(unit);
    const header = encodeTrial({ t: 'trialUnit', id: this.options.id, n });
    return child.link.send(header, unit, () => chunkBuffers.release(unit));
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    const child = this.#of(link);
    if (!child) return;
    const { name } = child.tree;
    this.fail(error ?? new TeesError('LINK_LOST', `the connection to ${name} ended`, { node: name }));
  }

  failed(link: Link, error: TeesError): void {
    if (this.#of(link)) this.fail(error);
  }

  fail(error: TeesError): void {
    if (this.#ended) return;
    this.end();
    this.options.onFailed(error);
  }

  /** Those below are told. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#deadline);
    for (const { link, wake } of this.#children) {
      link?.post(encodeTrial({ t: 'trialEnd', id: this.options.id }));
      wake();
    }
  }

  #of(link: Link): Child | undefined {
    return this.#children.find((child) => child.link === link);
  }

  #microseconds(): number {
    return Math.round((this.options.clock.nowMs() - this.#startMs) * 1000);
  }
}
