/**
 * A child of the job at its parent, as transport/child-link.ts and relay-child.ts have it, in virtual time: the way to
 * it, tried again after a loss until the deadline has passed.
 */
import { RECONNECT_INTERVAL_MAX_MS, RECONNECT_INTERVAL_MIN_MS } from '../base/limits.js';
import type { PlantedNode } from '../topology/planting.js';
import { nodesOf } from '../wire/job.js';
import { JobChannel } from '../transport/job-channel.js';
import type { Timer } from './events.js';
import type { LinkEnd, Message, Process } from './host.js';

export const JOB = 'job';
/** As transport/job-relay.ts has it. */
export const WINDOW_UNITS = 4;

export interface Deadlines {
  readonly recoveryDeadlineMs: number;
  readonly repairDelayMs: number;
}

export interface ChildPort extends Deadlines {
  readonly process: Process;
  connect(node: string, done: (end: LinkEnd | undefined) => void): void;
  greeting(child: SimulatedChild, again: boolean): Message;
  onKnown(child: SimulatedChild): void;
  onAttached(child: SimulatedChild): void;
  onAway(child: SimulatedChild): void;
  onStranded(child: SimulatedChild): void;
  onBack(child: SimulatedChild): void;
  onLost(child: SimulatedChild): void;
}

export class SimulatedChild {
  readonly channel: JobChannel;
  link: LinkEnd | undefined;
  gone = false;
  /** Units that the machine has sent and the link has not yet taken. */
  inFlight = 0;
  /** Since it has last said what it holds. */
  readonly unitsSent = new Set<number>();
  /** In all. */
  sent = 0;
  #known: boolean;
  #confirmed = false;
  #closed = false;
  #isAway = false;
  #tries = 0;
  #deadline: Timer | undefined;
  #pause: Timer | undefined;
  #stranded: Timer | 'told' | undefined;
  #below: ReadonlySet<string> = new Set();
  #bringsOldNews = false;

  constructor(
    public subtree: PlantedNode,
    known: boolean,
    isReplanted: boolean,
    private readonly port: ChildPort,
  ) {
    this.#known = known;
    this.channel = new JobChannel(JOB, undefined, port.process.soon);
    this.replant(subtree);
    this.#bringsOldNews = isReplanted;
  }

  get name(): string {
    return this.subtree.name;
  }

  replant(subtree: PlantedNode): void {
    this.subtree = subtree;
    this.#below = new Set([...nodesOf(subtree)].map(({ name }) => name));
    this.#bringsOldNews = true;
  }

  speaksFor(node: string): boolean {
    return this.#bringsOldNews || this.#below.has(node);
  }

  open(): void {
    if (this.#known) return this.linkClosed(false);
    this.port.connect(this.name, (end) => (end ? this.#attach(end) : this.#lose()));
  }

  heard(): void {
    if (this.#confirmed) return;
    if (!this.#known) this.port.onKnown(this);
    if (this.#isAway && this.clearStranded()) this.port.onBack(this);
    this.#known = true;
    this.#confirmed = true;
    this.#tries = 0;
    this.#isAway = false;
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  linkClosed(final: boolean): void {
    this.link = undefined;
    this.#confirmed = false;
    this.channel.detach();
    if (this.#closed) return;
    if (final) return this.#lose();
    this.#isAway = true;
    const { process, recoveryDeadlineMs, repairDelayMs } = this.port;
    this.#deadline ??= process.after(recoveryDeadlineMs, () => {
      if (this.link) this.channel.tell({ t: 'parted', job: JOB });
      this.#lose();
    });
    this.port.onAway(this);
    this.#stranded ??= process.after(repairDelayMs, () => {
      this.#stranded = 'told';
      this.port.onStranded(this);
    });
    this.#tryAgainLater();
  }

  /** @returns whether it was told that it is away */
  clearStranded(): boolean {
    const stranded = this.#stranded;
    this.#stranded = undefined;
    if (stranded === 'told') return true;
    stranded?.cancel();
    return false;
  }

  close(): void {
    this.#closed = true;
    this.#deadline?.cancel();
    this.#pause?.cancel();
  }

  #attach(end: LinkEnd): void {
    if (this.#closed) return;
    this.link = end;
    end.post(this.port.greeting(this, this.#known));
    this.channel.attach(end);
    this.port.onAttached(this);
  }

  #tryAgainLater(): void {
    const interval = Math.min(RECONNECT_INTERVAL_MAX_MS, RECONNECT_INTERVAL_MIN_MS * 2 ** this.#tries);
    this.#pause = this.port.process.after(interval, () => {
      this.#tries++;
      this.port.connect(this.name, (end) => {
        if (end) this.#attach(end);
        else if (!this.#closed) this.#tryAgainLater();
      });
    });
  }

  #lose(): void {
    if (this.#closed) return;
    this.close();
    this.channel.abandon();
    this.port.onLost(this);
  }
}
