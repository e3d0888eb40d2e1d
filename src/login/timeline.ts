/**
 * When what happened on which node, in seconds since submission. All by the login node's clock, at the moment
 * it hears of it: one clock for the whole cluster, at the price of the way up the tree.
 */
import type { Clock } from '../base/clock.js';
import type { Timeline } from '../report/report.js';
import type { NodeEventName } from '../wire/messages.js';

type Moment = keyof Timeline;

const MOMENT_OF_EVENT: Partial<Record<NodeEventName, Moment>> = {
  urgent: 'urgentDelivered',
  launched: 'launched',
  firstRead: 'firstRead',
  delivered: 'hystereticDelivered',
  exited: 'exited',
};

export class TimelineKeeper {
  readonly #submittedMs: number;
  readonly #job: Partial<Record<Moment, number>> = {};
  readonly #nodes = new Map<string, Partial<Record<Moment, number>>>();

  constructor(private readonly clock: Clock) {
    this.#submittedMs = clock.nowMs();
  }

  /** Seconds since submission, to the tenth of a millisecond. */
  now(): number {
    return Math.round((this.clock.nowMs() - this.#submittedMs) * 10) / 10_000;
  }

  mark(moment: 'scanned' | 'split' | 'planned'): void {
    this.#job[moment] = this.now();
  }

  event(node: string, event: NodeEventName): void {
    const moment = MOMENT_OF_EVENT[event];
    if (!moment) return;
    const timeline = this.#nodes.get(node) ?? {};
    timeline[moment] ??= this.now();
    this.#nodes.set(node, timeline);
  }

  has(node: string, moment: Moment): boolean {
    return this.#nodes.get(node)?.[moment] !== undefined;
  }

  /** The largest over the nodes; a moment that some of `nodes` never reached is left out, but for `firstRead`. */
  overall(nodes: readonly string[]): Timeline {
    const overall = { ...this.#job };
    for (const moment of Object.values(MOMENT_OF_EVENT)) {
      const times = nodes.map((node) => this.#nodes.get(node)?.[moment]).filter((time) => time !== undefined);
      const reached = moment === 'firstRead' ? times.length > 0 : times.length === nodes.length;
      if (reached && times.length > 0) overall[moment] = Math.max(...times);
    }
    return overall;
  }

  perNode(nodes: readonly string[]): Record<string, Timeline> {
    return Object.fromEntries(nodes.map((node) => [node, { ...this.#job, ...this.#nodes.get(node) }]));
  }
}
