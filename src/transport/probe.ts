/**
 * One node's part of a probe: the round trips to its children, and what they tell of those below them. A child is echoed
 * first, so that what it does for its own children is not measured with it, and then told to go on.
 */
import { TeesError } from '../base/errors.js';
import type { Clock } from '../base/clock.js';
import { PROBE_ECHOES, PROBE_LINGER_MS } from '../base/limits.js';
import { nodesOf } from '../wire/job.js';
import type { Subtree } from '../wire/job.js';
import { encodeProbe, hopFailure } from '../wire/probe.js';
import type { ProbedHop } from '../wire/probe.js';
import type { Link } from './link.js';
import { unanswered } from './links.js';
import type { LinkStage } from './links.js';

/** What a probe needs of the links (links.ts). */
export interface ProbePort {
  connect(node: string): Promise<Link>;
  stage(node: string): LinkStage;
  where(node: string): string;
}

export interface ProbeOptions {
  /** Among the probes of this daemon. */
  readonly id: string;
  readonly children: readonly Subtree[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly port: ProbePort;
  /** Each node at most once; of those below a hop that failed nothing. */
  onFound(hops: readonly ProbedHop[]): void;
  /** Everything that there is to find has been told. */
  onOver(): void;
}

interface Child {
  readonly tree: Subtree;
  link?: Link;
  connectUs?: number;
  /** It was open before: a node that was restarted meanwhile is called once more. */
  wasOpen: boolean;
  sentMs: number;
  readonly roundTrips: number[];
  settled: boolean;
}

export class Probe {
  readonly #children: readonly Child[];
  /** Of whom nothing is known yet, and below which child they are. */
  readonly #open = new Map<string, { readonly tree: Subtree; readonly child: Child }>();
  readonly #timers: NodeJS.Timeout[];
  readonly #deadlineMs: number;
  #over = false;

  constructor(private readonly options: ProbeOptions) {
    const { children, timeoutMs, clock } = options;
    this.#deadlineMs = clock.nowMs() + timeoutMs;
    this.#children = children.map((tree) => ({
      tree,
      wasOpen: false,
      sentMs: 0,
      roundTrips: [],
      settled: false,
    }));
    for (const child of this.#children)
      for (const tree of nodesOf(child.tree)) this.#open.set(tree.name, { tree, child });
    this.#timers = [
      setTimeout(() => this.#timeIsOver(), timeoutMs),
      setTimeout(() => this.#giveUp(), timeoutMs + PROBE_LINGER_MS),
    ];
  }

  get isOver(): boolean {
    return this.#over;
  }

  start(): void {
    this.#endIfAllFound();
    for (const child of this.#children) void this.#call(child);
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.options.onOver();
  }

  echoed(link: Link, n: number): void {
    const child = this.#children.find((each) => each.link === link);
    // Of one that was given up, or once more.
    if (!child || child.settled || n !== child.roundTrips.length) return;
    child.roundTrips.push(this.#microseconds(child.sentMs));
    if (child.roundTrips.length < PROBE_ECHOES) this.#echo(child, link);
    else this.#settle(child);
  }

  /** @throws TeesError MESSAGE_INVALID */
  probed(link: Link, hops: readonly ProbedHop[]): void {
    const news = hops.filter((hop) => this.#isNews(link, hop));
    if (news.length > 0) this.#tell(news);
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    const child = this.#children.find((each) => each.link === link);
    if (!child || this.#over) return;
    delete child.link;
    if (child.wasOpen && !child.settled) return void this.#call(child);
    const { name } = child.tree;
    const lost = error ?? new TeesError('LINK_LOST', `${name} has closed its connection`, { node: name });
    if (!child.settled) this.#fail(child, lost);
    // It has answered, and those below it will not be heard of any more.
    else this.#failBelow(child.tree, lost);
  }

  async #call(child: Child): Promise<void> {
    const { port, clock } = this.options;
    const { name } = child.tree;
    child.wasOpen = port.stage(name) === 'open';
    const startMs = clock.nowMs();
    try {
      const link = await port.connect(name);
      if (this.#over || child.settled) return;
      if (!child.wasOpen) child.connectUs = this.#microseconds(startMs);
      child.link = link;
      child.roundTrips.length = 0;
      this.#echo(child, link);
    } catch (error) {
      if (!this.#over && !child.settled)
        this.#fail(child, TeesError.from(error, 'NODE_UNREACHABLE', { node: name }));
    }
  }

  #echo(child: Child, link: Link): void {
    child.sentMs = this.options.clock.nowMs();
    link.post(encodeProbe({ t: 'echo', id: this.options.id, n: child.roundTrips.length }));
  }

  #microseconds(sinceMs: number): number {
    return Math.max(1, Math.round((this.options.clock.nowMs() - sinceMs) * 1000));
  }

  /** Measured; and those below it, if there are any, are its affair. */
  #settle(child: Child): void {
    child.settled = true;
    const { tree, link, roundTrips, connectUs } = child;
    const timeoutMs = Math.max(0, Math.round(this.#deadlineMs - this.options.clock.nowMs()));
    if (tree.children.length > 0)
      link?.post(encodeProbe({ t: 'probe', id: this.options.id, timeoutMs, subtree: tree }));
    this.#open.delete(tree.name);
    this.#tell([{ node: tree.name, roundTrips, ...(connectUs === undefined ? {} : { connect: connectUs }) }]);
  }

  #fail(child: Child, error: TeesError): void {
    child.settled = true;
    const { tree } = child;
    this.#forget(tree);
    this.#tell([{ node: tree.name, roundTrips: [], failure: hopFailure(error) }]);
  }

  /** Nodes right below one that has answered, or below others that have. */
  #failBelow(tree: Subtree, error: TeesError): void {
    const failed = tree.children.filter(({ name }) => this.#open.has(name));
    for (const each of failed) this.#forget(each);
    if (failed.length > 0)
      this.#tell(failed.map(({ name }) => ({ node: name, roundTrips: [], failure: hopFailure(error) })));
    for (const each of tree.children) if (!failed.includes(each)) this.#failBelow(each, error);
  }

  #forget(tree: Subtree): void {
    for (const { name } of nodesOf(tree)) this.#open.delete(name);
  }

  #isNews(link: Link, { node, failure }: ProbedHop): boolean {
    const entry = this.#open.get(node);
    if (!entry) return false;
    if (entry.child.link !== link || entry.tree === entry.child.tree)
      throw new TeesError('MESSAGE_INVALID', `a message was refused: ${node} is not below ${link.peer}`);
    if (failure) this.#forget(entry.tree);
    else this.#open.delete(node);
    return true;
  }

  #tell(hops: readonly ProbedHop[]): void {
    if (this.#over) return;
    this.options.onFound(hops);
    this.#endIfAllFound();
  }

  #endIfAllFound(): void {
    if (this.#open.size === 0) this.end();
  }

  #timeIsOver(): void {
    const { port, timeoutMs } = this.options;
    for (const child of this.#children) {
      if (child.settled) continue;
      const { name } = child.tree;
      if (child.roundTrips.length > 0) this.#settle(child);
      else this.#fail(child, unanswered(name, port.where(name), port.stage(name), timeoutMs));
    }
  }

  /** Who has answered has had the time to tell of its children. */
  #giveUp(): void {
    for (const { tree } of this.#children) {
      const problem = `nothing was heard of it from its parent within ${this.options.timeoutMs / 1000} s`;
      this.#failBelow(tree, new TeesError('NODE_SILENT', problem));
    }
    this.end();
  }
}
