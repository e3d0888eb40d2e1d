/** What a node tells the parent of one job: its own events, and what comes up from below. */
import type { TeesError } from '../base/errors.js';
import { WANT_RANGES_MAX } from '../base/limits.js';
import { splitRanges } from '../transport/demand.js';
import type { UnitRanges } from '../transport/demand.js';
import type { Link } from '../transport/link.js';
import { OutputWindow } from '../transport/output-window.js';
import { encodeMessage } from '../wire/messages.js';
import type { Account, NodeEvent, NodeEventName, Progress } from '../wire/messages.js';
import type { TaskTimes } from './task-times.js';
import type { UplinkMeter } from './uplink.js';

export class Parent {
  readonly #window = new OutputWindow();
  /** To be told in this turn of the event loop. */
  #wants: number[] = [];
  #outputEnded = false;

  constructor(
    readonly link: Link,
    private readonly job: string,
    /** This node's name. */
    private readonly self: string,
  ) {}

  /** This node holds nothing of the layer yet, and is ready for it. */
  ready(): void {
    this.link.post(encodeMessage({ t: 'have', job: this.job, ranges: [] }));
  }

  /** Somebody here or below waits for these units. What is said in one turn of the event loop travels together. */
  want(ranges: UnitRanges): void {
    if (this.#wants.length === 0) setImmediate(() => this.#tellWants());
    for (const number of ranges) this.#wants.push(number);
  }

  #tellWants(): void {
    for (const ranges of splitRanges(this.#wants, WANT_RANGES_MAX))
      this.link.post(encodeMessage({ t: 'want', job: this.job, ranges }));
    this.#wants = [];
  }

  event(event: NodeEventName, more: Partial<NodeEvent> = {}): void {
    this.events([{ node: this.self, event, ...more }]);
  }

  failed(error: TeesError): void {
    this.event('failed', { error: { ...error.toRecord(), node: error.node ?? this.self } });
  }

  /** A child cannot tell anything any more, nor can who is below it. */
  lost(child: string, error: TeesError): void {
    this.events([{ node: child, event: 'lost', error: { ...error.toRecord(), node: error.node ?? child } }]);
  }

  events(events: readonly NodeEvent[]): void {
    this.link.post(encodeMessage({ t: 'events', job: this.job, events }));
  }

  /** Resolves when it has been sent, or is of no more interest. */
  async output(node: string, stream: 'stdout' | 'stderr', bytes: Buffer): Promise<void> {
    await this.#window.take(bytes);
    if (this.#outputEnded) return;
    this.link.post(encodeMessage({ t: 'output', job: this.job, node, stream }), bytes);
  }

  outputTaken(bytes: number): void {
    this.#window.give(bytes);
  }

  /** No output any more, and nobody waits for its being taken. */
  endOutput(): void {
    this.#outputEnded = true;
    this.#window.release();
  }

  inputTaken(node: string, bytes: number): void {
    this.link.post(encodeMessage({ t: 'taken', job: this.job, node, bytes }));
  }

  progress(progress: Progress): void {
    this.link.post(encodeMessage({ t: 'progress', job: this.job, ...progress }));
  }

  /** The whole layer is here and everywhere below. */
  delivered(): void {
    this.link.post(encodeMessage({ t: 'delivered', job: this.job }));
  }

  /** Of this node. */
  ownAccount(times: TaskTimes, meter: UplinkMeter): void {
    const task = times.account();
    const uplink = meter.used();
    const optional = { ...(task ? { task } : {}), ...(uplink ? { uplink } : {}) };
    this.account({ node: this.self, blocked: times.blocked(), waits: times.contentWaits(), ...optional });
  }

  account(account: Account): void {
    this.link.post(encodeMessage({ ...account, t: 'account', job: this.job }));
  }

  /** Nothing of the job is left here and below. */
  gone(): void {
    this.link.post(encodeMessage({ t: 'gone', job: this.job }));
  }
}
