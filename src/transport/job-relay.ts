/**
 * One job at one node of the tree, seen from above its children: opens the links to them, drives the relay's
 * state machine, and gathers what comes up. The login node's root and every compute node are the same here; they
 * differ in where units come from and where what comes up goes.
 */
import { TeesError } from '../base/errors.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import type { Frame } from '../wire/frame.js';
import { encodeJob, heightOf, nodesOf } from '../wire/job.js';
import type { JobSpec, Subtree } from '../wire/job.js';
import { decodeMessage, encodeMessage } from '../wire/messages.js';
import type { Account, JobMessage, NodeEvent, Progress } from '../wire/messages.js';
import type { UnitRanges } from './demand.js';
import { InOrder } from './in-order.js';
import type { Link } from './link.js';
import { OutputBacklog } from './output-window.js';
import { RelayMachine } from './relay-machine.js';
import type { RelayAction } from './relay-machine.js';

/** Sends to one child that may be under way at a time. */
const WINDOW_UNITS = 4;
/** For the subtrees to tear down: more for taller ones, so that who is late is told by its own parent. */
const END_DEADLINE_MS = 5_000;
const END_DEADLINE_LEVEL_MS = 2_000;
const LEVELS_MAX = 5;

/** What comes up from the subtrees, and what the relay needs from its owner. */
export interface JobRelayPort {
  connect(node: string): Promise<Link>;
  /** A unit that the machine knows to be held; it is released when it has been sent (chunkBuffers). */
  readUnit(unit: number): Promise<Buffer>;
  /** Units that somebody here or below waits for and that are not held here; each is said once. */
  onWanted(ranges: UnitRanges): void;
  onEvents(events: readonly NodeEvent[]): void;
  /** Pressure: the child sends only a window more of this job's output while this is pending. */
  onOutput(node: string, stream: 'stdout' | 'stderr', bytes: Buffer): void | Promise<void>;
  onAccount(account: Account): void;
  /** The task of a node has taken this much of its standard input. */
  onInputTaken(node: string, bytes: number): void;
  onProgress(): void;
  /** All is here and in every subtree. */
  onDelivered(): void;
  /** A child is lost with everything below it. */
  onLost(subtree: Subtree, error: TeesError): void;
  /** A unit could not be read; the job cannot go on. */
  onUnreadable(error: TeesError): void;
}

interface Child {
  readonly subtree: Subtree;
  /** What happened comes behind the output that was before it. */
  readonly upward: InOrder;
  readonly backlog: OutputBacklog;
  link: Link | undefined;
  progress: Progress;
  gone: boolean;
}

const NO_PROGRESS: Progress = { nodes: 0, urgentBytes: 0, hystereticBytes: 0, launched: 0, exited: 0 };

export class JobRelay {
  readonly machine: RelayMachine;
  bytesSent = 0;
  readonly #children = new Map<string, Child>();
  /** Which child leads to a node. */
  readonly #routes = new Map<string, string>();
  #ending: TeesError | 'end' | undefined;
  #gone: () => void = () => {};

  constructor(
    private readonly spec: Omit<JobSpec, 'subtree'>,
    children: readonly Subtree[],
    private readonly pieceCount: number,
    private readonly port: JobRelayPort,
  ) {
    this.machine = new RelayMachine({ pieceCount, windowUnits: WINDOW_UNITS });
    for (const subtree of children) {
      const child: Child = {
        subtree,
        upward: new InOrder((error) => child.link?.destroy(TeesError.from(error, 'MESSAGE_INVALID'))),
        backlog: new OutputBacklog(),
        link: undefined,
        progress: NO_PROGRESS,
        gone: false,
      };
      this.#children.set(subtree.name, child);
      this.machine.attach(subtree.name);
      for (const { name } of nodesOf(subtree)) this.#routes.set(name, subtree.name);
    }
  }

  /** Connects to all children at once and tells them the job. */
  async open(): Promise<void> {
    await Promise.all([...this.#children.values()].map((child) => this.#openChild(child)));
  }

  async #openChild(child: Child): Promise<void> {
    try {
      const link = await this.port.connect(child.subtree.name);
      if (child.gone) return;
      child.link = link;
      link.post(encodeJob({ ...this.spec, subtree: child.subtree }));
      if (this.#ending) this.#endChild(child);
    } catch (error) {
      this.#lose(child, TeesError.from(error, 'NODE_UNREACHABLE', { node: child.subtree.name }));
    }
  }

  /** Whether this link leads to a child of this job. */
  ownsLink(link: Link): boolean {
    return this.#children.get(link.peer)?.link === link;
  }

  /** A frame from a child. @throws TeesError MESSAGE_INVALID: it may not say this */
  receive(link: Link, frame: Frame): void {
    const child = this.#children.get(link.peer);
    if (!child || child.gone) return;
    const message = decodeMessage(frame.header);
    switch (message.t) {
      case 'have':
        return this.#perform(this.machine.childHas(link.peer, message.ranges));
      case 'want':
        return this.#perform(this.machine.want(message.ranges, link.peer));
      case 'events':
        for (const { node } of message.events) this.#checkBelow(child, node);
        return child.upward.run(() => this.port.onEvents(message.events));
      case 'output':
        this.#checkBelow(child, message.node);
        return this.#receiveOutput(child, message.node, message.stream, frame.body);
      case 'taken':
        this.#checkBelow(child, message.node);
        return this.port.onInputTaken(message.node, message.bytes);
      case 'account':
        this.#checkBelow(child, message.node);
        return child.upward.run(() => this.port.onAccount(message));
      case 'progress':
        child.progress = message;
        return this.port.onProgress();
      case 'delivered':
        return this.#perform(this.machine.childDelivered(link.peer));
      case 'gone':
        return child.upward.run(() => this.#childGone(child));
      default:
        throw new TeesError('MESSAGE_INVALID', `a child may not send '${message.t}'`, { node: link.peer });
    }
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    const child = this.#children.get(link.peer);
    if (child?.link !== link || child.gone) return;
    this.#lose(
      child,
      error ?? new TeesError('LINK_LOST', `the connection to ${link.peer} ended`, { node: link.peer }),
    );
  }

  unitHeld(unit: number): void {
    this.#perform(this.machine.unitHeld(unit));
  }

  /** Somebody on this node waits for these chunks: they are asked for, and passed on, before their turn. */
  wantChunks(first: number, count: number): void {
    if (this.spec.demand) this.#perform(this.machine.want([this.pieceCount + first, count]));
  }

  setOrder(chunks: readonly number[]): void {
    this.#perform(this.machine.setOrder(chunks));
  }

  /** To every child. */
  broadcast(message: JobMessage): void {
    for (const child of this.#children.values()) child.link?.post(encodeMessage(message));
  }

  /** Standard input towards a node below: never more than its window, so that nobody waits for it. */
  routeInput(node: string, eof: boolean, bytes?: Buffer): void {
    const child = this.#children.get(this.#routes.get(node) ?? '');
    child?.link?.post(encodeMessage({ t: 'stdin', job: this.spec.job, node, eof }), bytes);
  }

  /** Sums of the subtrees' progress. */
  progress(): Progress {
    const sum = { ...NO_PROGRESS };
    for (const { progress } of this.#children.values()) {
      for (const key of Object.keys(NO_PROGRESS) as (keyof Progress)[]) sum[key] += progress[key];
    }
    return sum;
  }

  /** Tells every child to tear down. Resolves when each has, or is lost, as who is late is after the deadline. */
  async end(error?: TeesError): Promise<void> {
    this.#ending = error ?? 'end';
    const gone = new Promise<void>((resolve) => (this.#gone = resolve));
    const deadline = setTimeout(() => this.#giveUp(), this.#endDeadlineMs);
    for (const child of this.#children.values()) this.#endChild(child);
    this.#checkGone();
    await gone;
    clearTimeout(deadline);
  }

  get #endDeadlineMs(): number {
    let levels = 0;
    for (const { subtree } of this.#children.values()) levels = Math.max(levels, 1 + heightOf(subtree));
    return END_DEADLINE_MS + END_DEADLINE_LEVEL_MS * Math.min(LEVELS_MAX, levels);
  }

  #giveUp(): void {
    for (const child of this.#children.values()) {
      if (child.gone) continue;
      const { name } = child.subtree;
      const late = new TeesError('TEAR_DOWN_LATE', `${name} has not torn down the job in time`, {
        node: name,
        hint: 'See the log of its daemon.',
      });
      this.#lose(child, late);
    }
  }

  #checkBelow({ subtree }: Child, node: string): void {
    if (this.#routes.get(node) === subtree.name) return;
    throw new TeesError('MESSAGE_INVALID', `${subtree.name} may not speak for ${node}`, {
      node: subtree.name,
    });
  }

  /** Taken in the order of arrival; then the child may send as much again. */
  #receiveOutput(child: Child, node: string, stream: 'stdout' | 'stderr', bytes: Buffer): void {
    const bytesTaken = child.backlog.add(bytes);
    child.upward.run(async () => {
      await this.port.onOutput(node, stream, bytes);
      child.backlog.taken(bytesTaken);
      child.link?.post(encodeMessage({ t: 'outputTaken', job: this.spec.job, bytes: bytesTaken }));
    });
  }

  /** It has torn down its part. Before it was told to, that is a loss: its daemon was stopped. */
  #childGone(child: Child): void {
    const { name } = child.subtree;
    if (!this.#ending) {
      return this.#lose(
        child,
        new TeesError('NODE_LEFT', `the daemon of ${name} has left the job`, {
          node: name,
          hint: 'Was it stopped? See its log.',
        }),
      );
    }
    child.gone = true;
    this.#checkGone();
  }

  #endChild(child: Child): void {
    const error = this.#ending instanceof TeesError ? { error: this.#ending.toRecord() } : {};
    child.link?.post(encodeMessage({ t: 'end', job: this.spec.job, ...error }));
  }

  #lose(child: Child, error: TeesError): void {
    if (child.gone) return;
    child.gone = true;
    this.#perform(this.machine.detach(child.subtree.name));
    this.port.onLost(child.subtree, error);
    this.#checkGone();
  }

  #checkGone(): void {
    if (!this.#ending) return;
    for (const child of this.#children.values()) if (!child.gone) return;
    this.#gone();
  }

  #perform(actions: readonly RelayAction[]): void {
    for (const action of actions) {
      if (action.kind === 'send') void this.#send(action);
      else if (action.kind === 'want') this.port.onWanted(action.ranges);
      else this.port.onDelivered();
    }
  }

  async #send({ child, unit, raised }: Extract<RelayAction, { kind: 'send' }>): Promise<void> {
    try {
      const body = await this.port.readUnit(unit);
      const link = this.#children.get(child)?.link;
      const release = (): void => chunkBuffers.release(body);
      if (!link || this.#ending) return release();
      this.bytesSent += body.length;
      await link.send(encodeMessage({ t: 'unit', job: this.spec.job, unit }), body, release, raised);
      this.#perform(this.machine.sent(child, raised));
    } catch (error) {
      this.port.onUnreadable(TeesError.from(error, 'STORE_FAILED'));
    }
  }
}
