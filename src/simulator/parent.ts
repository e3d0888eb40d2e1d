/** The parent of the job at a simulated node, as node/parent.ts has it, in virtual time. */
import { RECOVERY_CHILD_EXTRA_MS, WANT_RANGES_MAX } from '../base/limits.js';
import { splitRanges } from '../transport/demand.js';
import type { UnitRanges } from '../transport/demand.js';
import { JobChannel } from '../transport/job-channel.js';
import type { Settle } from '../transport/job-channel.js';
import type { RelayMachine } from '../transport/relay-machine.js';
import { encodeMessage } from '../wire/messages.js';
import type { NodeEvent, NodeEventName } from '../wire/messages.js';
import { JOB } from './child.js';
import type { Timer } from './events.js';
import type { LinkEnd, Process } from './host.js';

/** As node/parent.ts has it. */
export type LayerState = Pick<RelayMachine, 'held' | 'wanted' | 'orderKnown'>;

export interface ParentOptions {
  readonly process: Process;
  readonly recoveryDeadlineMs: number;
  onLost(): void;
}

export class SimulatedParent {
  readonly channel: JobChannel;
  link: LinkEnd | undefined;
  #state: LayerState | undefined;
  #wants: number[] = [];
  #delivered = false;
  #ended = false;
  #lost = false;
  #waiting: Timer | undefined;

  constructor(private readonly options: ParentOptions) {
    this.channel = new JobChannel(JOB, undefined, options.process.soon);
  }

  attach(link: LinkEnd, epoch: number): void {
    const old = this.link;
    if (old && old.peer !== link.peer) old.post(moved(epoch));
    this.#waiting?.cancel();
    this.link = link;
    this.channel.attach(link);
    this.#tellState();
    if (old && old !== link && old.peer === link.peer) old.close();
  }

  linkClosed(final: boolean): void {
    this.link = undefined;
    this.channel.detach();
    if (final) this.#giveUp();
    else this.wait();
  }

  wait(): void {
    if (this.#lost) return this.channel.abandon();
    const { process, recoveryDeadlineMs } = this.options;
    this.#waiting = process.after(recoveryDeadlineMs + RECOVERY_CHILD_EXTRA_MS, () => this.#giveUp());
  }

  ready(state: LayerState): void {
    this.#state = state;
    this.#tellState();
  }

  want(ranges: UnitRanges): void {
    if (this.#wants.length === 0 && ranges.length > 0) this.options.process.soon(() => this.#tellWants());
    for (const number of ranges) this.#wants.push(number);
  }

  event(event: NodeEventName, node: string, code?: string): void {
    const error = code === undefined ? {} : { error: { code, message: code, node } };
    this.events([{ node, event, ...error }]);
  }

  events(events: readonly NodeEvent[], settled?: Settle): void {
    this.channel.send({ t: 'events', job: JOB, events }, undefined, settled);
  }

  delivered(): void {
    this.#delivered = true;
    this.channel.tell({ t: 'delivered', job: JOB });
  }

  end(): void {
    this.#ended = true;
  }

  /** Nothing of the job is left here and below. @param over the parent knows, or is not waited for any more */
  gone(over: () => void): void {
    const { process, recoveryDeadlineMs } = this.options;
    const forget = (): void => {
      deadline.cancel();
      this.#lost = true;
      this.#waiting?.cancel();
      if (!this.link) this.channel.abandon();
      over();
    };
    const deadlineMs = this.#lost ? RECOVERY_CHILD_EXTRA_MS : recoveryDeadlineMs + RECOVERY_CHILD_EXTRA_MS;
    const deadline = process.after(deadlineMs, forget);
    this.channel.send({ t: 'gone', job: JOB }, undefined, forget);
  }

  #giveUp(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.channel.abandon();
    this.options.onLost();
  }

  opened(): void {
    if (this.#state && !this.#ended) this.#tellHeld(this.#state);
  }

  #tellHeld(state: LayerState): void {
    this.channel.tell({ t: 'have', job: JOB, ranges: state.held(), opened: state.orderKnown });
  }

  #tellState(): void {
    if (!this.#state || this.#ended) return;
    this.#tellHeld(this.#state);
    this.want(this.#state.wanted());
    if (this.#delivered) this.delivered();
  }

  #tellWants(): void {
    for (const ranges of splitRanges(this.#wants, WANT_RANGES_MAX))
      this.channel.tell({ t: 'want', job: JOB, ranges });
    this.#wants = [];
  }
}

export function moved(_epoch: number): ReturnType<typeof encodeMessage> {
  return encodeMessage({ t: 'moved', job: JOB });
}
