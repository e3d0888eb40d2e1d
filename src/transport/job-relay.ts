/**
 * One job at one node of the tree, seen from above its children: opens the links to them, drives the relay's
 * state machine, and gathers what comes up. The login node's root and every compute node are the same here; they
 * differ in where units come from and where what comes up goes.
 */
import { TeesError } from '../base/errors.js';
import { ChunkSet } from '../store/chunk-set.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import type { Frame } from '../wire/frame.js';
import type { Subtree } from '../wire/job.js';
import { decodeMessage, encodeMessage } from '../wire/messages.js';
import type { Account } from '../wire/account.js';
import type { JobMessage, NodeEvent, OutputPlace, Progress } from '../wire/messages.js';
import type { UnitRanges } from './demand.js';
import type { Settle } from './job-channel.js';
import type { PresentWaits } from '../wire/waits.js';
import type { Link } from './link.js';
import type { RelayChild } from './relay-child.js';
import { RelayChildren } from './relay-children.js';
import type { RelayChildrenOptions } from './relay-children.js';
import { RelayMachine } from './relay-machine.js';
import type { RelayAction } from './relay-machine.js';
import type { SendClass } from './send-queue.js';

/** Sends to one child that may be under way at a time. */
const WINDOW_UNITS = 4;
/** What comes up from the subtrees, and what the relay needs from its owner. */
export interface JobRelayPort {
  connect(node: string): Promise<Link>;
  /** A unit that the machine knows to be held; it is released when it has been sent (chunkBuffers). */
  readUnit(unit: number): Promise<Buffer>;
  /** Units that somebody here or below waits for and that are not held here; each is said once. */
  onWanted(ranges: UnitRanges): void;
  /** What comes up is settled when it needs to be told no more, whatever happens to this daemon. */
  onEvents(events: readonly NodeEvent[], settled: Settle): void;
  /** Pressure: nothing else of this child is taken while this is pending. */
  onOutput(place: OutputPlace, bytes: Buffer, settled: Settle): void | Promise<void>;
  onAccount(account: Account, settled: Settle): void;
  onProgress?(): void;
  /** All is here and in every subtree. */
  onDelivered(): void;
  /** A child has answered for the first time. */
  onKnown?(child: string): void;
  /** A child is without a link, for now. */
  onAway(child: string, error: TeesError): void;
  /** For longer than a moment: those below it need another parent. Later it may be back. */
  onStranded(child: string, error: TeesError): void;
  onBack(child: string): void;
  /** It passes on far less than its siblings do. */
  onSlow(child: string): void;
  /** A child is lost, and so is what is still below it. */
  onLost(subtree: Subtree, error: TeesError): void;
  /** A unit could not be read; the job cannot go on. */
  onUnreadable(error: TeesError): void;
}

export interface JobRelayOptions extends RelayChildrenOptions {
  readonly children: readonly Subtree[];
  readonly pieceCount: number;
}

export class JobRelay {
  readonly machine: RelayMachine;
  bytesSent = 0;
  readonly #children: RelayChildren;
  /** Chunks; undefined as long as only the document is known. */
  #urgent: ChunkSet | undefined;
  #ending: TeesError | 'end' | undefined;
  #gone: () => void = () => {};

  constructor(
    private readonly options: JobRelayOptions,
    private readonly port: JobRelayPort,
  ) {
    const windowUnits = options.spec.storage ? 0 : WINDOW_UNITS; // From there nodes take their units themselves.
    this.machine = new RelayMachine({ pieceCount: options.pieceCount, windowUnits });
    this.#children = new RelayChildren(options, {
      connect: (node) => port.connect(node),
      onAdded: (name) => this.machine.attach(name),
      onRemoved: (name) => this.#perform(this.machine.detach(name)),
      onKnown: (name) => port.onKnown?.(name),
      onAttached: (child) => {
        // It may have been told by a link, or as a daemon, that is no more.
        if (this.#ending) this.#endChild(child);
      },
      onAway: (name, error) => {
        this.machine.away(name);
        port.onAway(name, error);
      },
      onStranded: (name, error) => port.onStranded(name, error),
      onBack: (name) => port.onBack(name),
      onSlow: (name) => port.onSlow(name),
      onLost: (child, error) => this.#lose(child, error),
    });
    for (const subtree of options.children) this.#children.add(subtree);
  }

  open(): Promise<void> {
    return this.#children.open();
  }

  replant(epoch: number, subtrees: readonly Subtree[]): void {
    this.#children.replant(epoch, subtrees, this.#ending !== undefined);
    this.#checkGone();
  }

  /** Whether this link leads to a child of this job. */
  ownsLink(link: Link): boolean {
    return this.#children.get(link.peer)?.way.link === link;
  }

  /** A frame from a child. @throws TeesError MESSAGE_INVALID: it may not say this */
  receive(link: Link, frame: Frame): void {
    const child = this.#children.get(link.peer);
    if (!child || child.gone) return;
    const message = decodeMessage(frame.header);
    const settled = child.way.channel.accept(frame.header);
    child.way.heard();
    if (!settled) return;
    switch (message.t) {
      case 'have':
        return this.#perform(this.machine.childHas(link.peer, message.ranges, message.opened));
      case 'want':
        return this.#perform(this.machine.want(message.ranges, link.peer));
      case 'events':
        return child.receiveEvents(
          message.events.map(({ node }) => node),
          () => this.port.onEvents(message.events, settled),
        );
      case 'output':
        return child.receiveOutput(message, frame.body, settled, (place, bytes, done) =>
          this.port.onOutput(place, bytes, done),
        );
      case 'account':
        return child.receiveEvents([message.node], () => this.port.onAccount(message, settled));
      case 'progress':
        child.progress = message;
        return this.port.onProgress?.();
      case 'waits':
        return child.tellsWaits(message);
      case 'delivered':
        return this.#perform(this.machine.childDelivered(link.peer));
      case 'settled':
        return child.way.channel.acknowledged(message.of, message.sequences);
      case 'moved':
        this.#children.drop(child);
        return this.#checkGone();
      case 'gone':
        return child.receiveEvents([], () => {
          settled();
          this.#childGone(child);
        });
      default:
        throw new TeesError('MESSAGE_INVALID', `a child may not send '${message.t}'`, { node: link.peer });
    }
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    const child = this.#children.get(link.peer);
    if (child?.way.link === link) child.way.linkClosed(error);
  }

  unitHeld(unit: number): void {
    this.#perform(this.machine.unitHeld(unit));
  }

  /** Somebody on this node waits for these chunks: they are asked for, and passed on, before their turn. */
  wantChunks(first: number, count: number): void {
    const { spec, pieceCount } = this.options;
    if (spec.demand) this.#perform(this.machine.want([pieceCount + first, count]));
  }

  /** @param urgentCount so many chunks of the order are the urgent part */
  setOrder(chunks: readonly number[], urgentCount: number): void {
    this.#urgent = new ChunkSet(chunks.length);
    for (const chunk of chunks.slice(0, urgentCount)) this.#urgent.add(chunk);
    this.#perform(this.machine.setOrder(chunks));
  }

  broadcast(message: JobMessage): void {
    this.#children.broadcast(message);
  }

  stand(message: JobMessage): void {
    this.#children.stand(message);
  }

  routeInput(node: string, at: number, eof: boolean, bytes: Buffer, settled: Settle): void {
    this.#children.routeInput(node, at, eof, bytes, settled);
  }

  progress(): Progress {
    return this.#children.progress();
  }

  waits(): PresentWaits {
    return this.#children.waits();
  }

  away(): Subtree[] {
    return this.#children.away();
  }

  /** This node takes no part any more, and the job may go on: those below wait for another parent. */
  leave(): void {
    this.#children.leave();
  }

  /** Every child is to tear down. Resolves when each has, or is lost, as who is late is after the deadline. */
  async end(error?: TeesError): Promise<void> {
    this.#ending = error ?? 'end';
    this.#children.stopWatching();
    const gone = new Promise<void>((resolve) => (this.#gone = resolve));
    const deadline = setTimeout(() => this.#giveUp(), this.#children.endDeadlineMs);
    for (const child of this.#children) this.#endChild(child);
    this.#checkGone();
    await gone;
    clearTimeout(deadline);
  }

  #giveUp(): void {
    for (const child of this.#children) {
      const { name } = child;
      const late = new TeesError('TEAR_DOWN_LATE', `${name} has not torn down the job in time`, {
        node: name,
        hint: 'See the log of its daemon.',
      });
      this.#lose(child, late);
    }
  }

  /** It has torn down its part. Before it was told to, that is a loss: its daemon was stopped. */
  #childGone(child: RelayChild): void {
    const { name } = child;
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
    child.way.close();
    this.#checkGone();
  }

  #endChild({ way }: RelayChild): void {
    const error = this.#ending instanceof TeesError ? { error: this.#ending.toRecord() } : {};
    way.channel.tell({ t: 'end', job: this.options.spec.job, ...error });
  }

  #lose(child: RelayChild, error: TeesError): void {
    if (child.gone) return;
    child.gone = true;
    this.#children.release(child);
    this.port.onLost(child.subtree, error);
    this.#checkGone();
  }

  #checkGone(): void {
    if (!this.#ending) return;
    for (const child of this.#children) if (!child.gone) return;
    this.#gone();
  }

  #perform(actions: readonly RelayAction[]): void {
    for (const action of actions) {
      if (action.kind === 'send') void this.#send(action);
      else if (action.kind === 'want') this.port.onWanted(action.ranges);
      else this.port.onDelivered();
    }
  }

  #classOf(unit: number): SendClass {
    const chunk = unit - this.options.pieceCount;
    return chunk < 0 || this.#urgent?.has(chunk) ? 'urgent' : 'later';
  }

  async #send({ child, unit, raised }: Extract<RelayAction, { kind: 'send' }>): Promise<void> {
    const to = this.#children.get(child);
    const link = to?.way.link;
    try {
      const body = await this.port.readUnit(unit);
      const release = (): void => chunkBuffers.release(body);
      // After a loss the child says anew what it holds.
      if (!to || !link || to.way.link !== link || this.#ending) return release();
      to.sent += body.length;
      this.bytesSent += body.length;
      const header = encodeMessage({ t: 'unit', job: this.options.spec.job, unit });
      await link.send(header, body, release, raised ? 'awaited' : this.#classOf(unit));
      if (to.way.link === link && this.#children.get(child) === to)
        this.#perform(this.machine.sent(child, raised));
    } catch (error) {
      this.port.onUnreadable(TeesError.from(error, 'STORE_FAILED'));
    }
  }
}
