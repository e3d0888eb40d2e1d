/**
 * The parent of one job at a node: what it is told of this node and of those below, over one link after the other.
 * Without a link the job goes on; what there is to say is kept (transport/job-channel.ts), and a new link is waited
 * for a little longer than the parent tries.
 */
import { TeesError } from '../base/errors.js';
import { RECOVERY_CHILD_EXTRA_MS, WANT_RANGES_MAX } from '../base/limits.js';
import { isLoss } from '../transport/child-link.js';
import { splitRanges } from '../transport/demand.js';
import type { UnitRanges } from '../transport/demand.js';
import type { JobRelayPort } from '../transport/job-relay.js';
import { JobChannel } from '../transport/job-channel.js';
import type { Settle } from '../transport/job-channel.js';
import type { Link } from '../transport/link.js';
import { OutputWindow } from '../transport/output-window.js';
import { encodeMessage } from '../wire/messages.js';
import type { Account } from '../wire/account.js';
import type { NodeEvent, NodeEventName, OutputPlace, Progress } from '../wire/messages.js';
import type { TaskTimes } from './task-times.js';
import { packOpened } from '../wire/opened.js';
import { mergeWaits } from '../wire/waits.js';
import type { PresentWaits } from '../wire/waits.js';
import type { UplinkMeter } from './uplink.js';
import { WaitsTeller } from './waits-teller.js';

export interface ParentOptions {
  readonly job: string;
  /** This node's name. */
  readonly self: string;
  /** For so long the parent tries to come back; 0: it does not. */
  readonly recoveryDeadlineMs: number;
  /** It has not come back, or has gone on purpose. */
  onLost(error: TeesError): void;
}

/** What a node holds of the layer, and what is waited for there or below and has been asked for. */
export interface LayerState {
  held(): readonly number[];
  /** Whether the document has been read. */
  readonly orderKnown: boolean;
  wanted(): UnitRanges;
}

type FromBelow = Pick<
  JobRelayPort,
  'onWanted' | 'onEvents' | 'onOutput' | 'onAccount' | 'onStranded' | 'onBack' | 'onSlow'
>;

export class Parent {
  readonly channel: JobChannel;
  #link: Link | undefined;
  readonly #window = new OutputWindow();
  /** To be told in this turn of the event loop. */
  #wants: number[] = [];
  #ended = false;
  #state: LayerState | undefined;
  #delivered = false;
  readonly #waitsTeller = new WaitsTeller((waits) =>
    this.channel.tell({ t: 'waits', job: this.options.job, ...waits }),
  );
  #waiting: NodeJS.Timeout | undefined;
  #lost = false;

  constructor(private readonly options: ParentOptions) {
    this.channel = new JobChannel(options.job);
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** By this link from now on: who has authenticated later is right, as a dead link may not know it yet. */
  attach(link: Link): void {
    const old = this.#link;
    if (old && old.peer !== link.peer) old.post(encodeMessage({ t: 'moved', job: this.options.job }));
    clearTimeout(this.#waiting);
    this.#link = link;
    this.channel.attach(link);
    this.#tellState();
    if (old && old !== link && old.peer === link.peer) old.destroy();
  }

  linkClosed(error: TeesError | undefined): void {
    const node = this.#link?.peer ?? '';
    const loss = error ?? new TeesError('LINK_LOST', `the parent ${node} hung up`, { node });
    this.#link = undefined;
    this.channel.detach();
    if (isLoss(error)) this.wait(loss);
    else this.#giveUp(loss);
  }

  /** It is this node's parent no more, and says so. */
  parted(): void {
    const node = this.#link?.peer ?? '';
    this.linkClosed(new TeesError('LINK_LOST', `${node} is the parent no more`, { node }));
  }

  /** This node leaves the job: nobody will come back to it. */
  leave(reason: TeesError): void {
    this.lost(this.options.self, reason);
    this.forget();
  }

  /** Nobody is waited for any more. */
  forget(): void {
    this.#lost = true;
    clearTimeout(this.#waiting);
    if (!this.#link) this.channel.abandon();
  }

  /** For a first link, or another. */
  wait(loss = new TeesError('LINK_LOST', 'no parent has asked for the job')): void {
    const { recoveryDeadlineMs } = this.options;
    if (this.#lost) return this.channel.abandon();
    if (recoveryDeadlineMs === 0) return this.#giveUp(loss);
    this.#waiting = setTimeout(() => this.#giveUp(loss), recoveryDeadlineMs + RECOVERY_CHILD_EXTRA_MS);
  }

  #giveUp(loss: TeesError): void {
    if (this.#lost) return;
    this.#lost = true;
    this.channel.abandon();
    this.options.onLost(loss);
  }

  /** From now on every new link is told this; the node takes what is missing. */
  ready(state: LayerState): void {
    this.#state = state;
    this.#tellState();
  }

  /** The document has been read: what was here before need not be sent. To be called in the turn of `setOrder`. */
  opened(): void {
    if (this.#state && !this.#ended) this.#tellHeld(this.#state);
  }

  #tellHeld(state: LayerState): void {
    const { job } = this.options;
    this.channel.tell({ t: 'have', job, ranges: state.held(), opened: state.orderKnown });
  }

  #tellState(): void {
    if (!this.#state || this.#ended) return;
    this.#tellHeld(this.#state);
    this.want(this.#state.wanted());
    if (this.#delivered) this.delivered();
  }

  /** What comes up from below goes on upwards. */
  get fromBelow(): FromBelow {
    return {
      onWanted: (ranges) => this.want(ranges),
      onEvents: (events, settled) => this.events(events, settled),
      onOutput: (place, bytes, settled) => this.output(place, bytes, settled),
      onAccount: (account, settled) => this.account(account, settled),
      onStranded: (child, error) => this.ofChild(child, 'away', error),
      onBack: (child) => this.ofChild(child, 'back'),
      onSlow: (child) => this.ofChild(child, 'slow'),
    };
  }

  /** Somebody here or below waits for these units. What is said in one turn of the event loop travels together. */
  want(ranges: UnitRanges): void {
    if (this.#wants.length === 0 && ranges.length > 0) setImmediate(() => this.#tellWants());
    for (const number of ranges) this.#wants.push(number);
  }

  #tellWants(): void {
    for (const ranges of splitRanges(this.#wants, WANT_RANGES_MAX))
      this.channel.tell({ t: 'want', job: this.options.job, ranges });
    this.#wants = [];
  }

  event(event: NodeEventName, more: Partial<NodeEvent> = {}, settled?: Settle): void {
    this.events([{ node: this.options.self, event, ...more }], settled);
  }

  failed(error: TeesError): void {
    this.event('failed', { error: { ...error.toRecord(), node: error.node ?? this.options.self } });
  }

  /** A child cannot tell anything any more, nor can who is still below it. */
  lost(child: string, error: TeesError): void {
    this.ofChild(child, 'lost', error);
  }

  ofChild(node: string, event: 'away' | 'back' | 'slow' | 'lost', error?: TeesError): void {
    this.events([
      { node, event, ...(error ? { error: { ...error.toRecord(), node: error.node ?? node } } : {}) },
    ]);
  }

  events(events: readonly NodeEvent[], settled?: Settle): void {
    this.channel.send({ t: 'events', job: this.options.job, events }, undefined, settled);
  }

  ownOutput(stream: OutputPlace['stream'], at: number, bytes: Buffer, settled: Settle): Promise<void> {
    return this.output({ node: this.options.self, stream, at }, bytes, settled);
  }

  /** Resolves when it has been sent, or is of no more interest. */
  async output(place: OutputPlace, bytes: Buffer, settled: Settle): Promise<void> {
    await this.#window.take(bytes);
    if (this.#ended) return settled();
    this.channel.send({ t: 'output', job: this.options.job, ...place }, bytes, () => {
      this.#window.give(bytes);
      settled();
    });
  }

  /** The job is torn down: no output any more, and nobody waits for its being taken. */
  end(): void {
    this.#ended = true;
    this.#window.release();
  }

  /** Of this node and those below. */
  progress(below: Progress, own: Progress): void {
    const sum = { ...below };
    for (const key of Object.keys(own) as (keyof Progress)[]) sum[key] += own[key];
    this.channel.tell({ t: 'progress', job: this.options.job, ...sum });
  }

  /** Reads that wait now, of those below and of this node. */
  waits(below: PresentWaits, own: PresentWaits): void {
    this.#waitsTeller.observe(mergeWaits([below, own]));
  }

  /** The whole layer is here and everywhere below. */
  delivered(): void {
    this.#delivered = true;
    this.channel.tell({ t: 'delivered', job: this.options.job });
  }

  /** Of this node. */
  ownAccount(times: TaskTimes, meter: UplinkMeter, reusedBytes: number, placed = false): void {
    const task = times.account();
    const uplink = meter.used();
    const optional = { ...(task ? { task } : {}), ...(uplink ? { uplink } : {}) };
    if (reusedBytes > 0) Object.assign(optional, { reusedBytes });
    if (placed) Object.assign(optional, { placed });
    const uncovered = times.uncovered();
    if (uncovered.length > 0) Object.assign(optional, { uncovered });
    const opened = times.openedFiles();
    if (opened) Object.assign(optional, { opened: packOpened(opened) });
    const waits = times.contentWaits();
    this.account({ node: this.options.self, blocked: times.blocked(), waits, ...optional });
  }

  account(account: Account, settled?: Settle): void {
    this.channel.send({ ...account, t: 'account', job: this.options.job }, undefined, settled);
  }

  /** Nothing of the job is left here and below. Resolves when the parent knows, or is not waited for any more. */
  async gone(): Promise<void> {
    this.channel.send({ t: 'gone', job: this.options.job });
    const { recoveryDeadlineMs } = this.options;
    // A parent that has given this node up does not answer.
    const deadlineMs = this.#lost ? RECOVERY_CHILD_EXTRA_MS : recoveryDeadlineMs + RECOVERY_CHILD_EXTRA_MS;
    const deadline = setTimeout(() => this.channel.abandon(), deadlineMs);
    await this.channel.drained();
    clearTimeout(deadline);
    this.forget();
  }
}
