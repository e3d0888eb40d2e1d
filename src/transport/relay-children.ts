/**
 * The children of one job at one node: who they are, which may change while the job runs, and what is told to or asked
 * of all of them.
 */
import { systemClock } from '../base/clock.js';
import type { TeesError } from '../base/errors.js';
import { encodeJob, heightOf, isSameTree, nodesOf } from '../wire/job.js';
import type { JobSpec, Subtree } from '../wire/job.js';
import type { JobMessage, Progress } from '../wire/messages.js';
import { mergeWaits } from '../wire/waits.js';
import type { PresentWaits } from '../wire/waits.js';
import type { Kept, Settle } from './job-channel.js';
import type { Link } from './link.js';
import { NO_PROGRESS, RelayChild } from './relay-child.js';
import { PACE_INTERVAL_MS, SlowRelays } from './slow-relays.js';

// For the subtrees to tear down: a busy node takes seconds to remove a large layer. More for taller ones, so that who
// is late is told by its own parent.
const END_DEADLINE_MS = 30_000;
const END_DEADLINE_LEVEL_MS = 2_000;
const LEVELS_MAX = 5;

export interface RelayChildrenOptions {
  readonly spec: Omit<JobSpec, 'subtree'>;
  /** Children that have answered to an earlier daemon of this node. */
  readonly known?: ReadonlySet<string>;
  /** For so long a child whose link was lost may come back. */
  readonly recoveryDeadlineMs: number;
  /** After so long without a link it is told that a child is away. */
  readonly repairDelayMs: number;
}

export interface RelayChildrenPort {
  connect(node: string): Promise<Link>;
  onAdded(name: string): void;
  /** It is none any more: it has gone elsewhere, or is lost. */
  onRemoved(name: string): void;
  /** A new link to it has been told the job. */
  onAttached(child: RelayChild): void;
  /** It has answered for the first time. */
  onKnown(name: string): void;
  onAway(name: string, error: TeesError): void;
  onStranded(name: string, error: TeesError): void;
  onBack(name: string): void;
  /** It passes on far less than its siblings do. */
  onSlow(name: string): void;
  /** It does not come back. */
  onLost(child: RelayChild, error: TeesError): void;
}

export class RelayChildren {
  readonly #children = new Map<string, RelayChild>();
  readonly #slow: SlowRelays;
  #watch: NodeJS.Timeout | undefined;
  #epoch: number;
  #standing: JobMessage | undefined;

  constructor(
    private readonly options: RelayChildrenOptions,
    private readonly port: RelayChildrenPort,
  ) {
    this.#epoch = options.spec.epoch;
    this.#slow = new SlowRelays(systemClock, options.spec.contentBytes);
  }

  [Symbol.iterator](): Iterator<RelayChild> {
    return this.#children.values();
  }

  get(name: string): RelayChild | undefined {
    return this.#children.get(name);
  }

  add(subtree: Subtree): RelayChild {
    const child = this.#make(subtree);
    this.#children.set(subtree.name, child);
    this.port.onAdded(subtree.name);
    return child;
  }

  /** Connects to all at once and tells them the job. */
  async open(): Promise<void> {
    // Off the shared storage nobody passes anything on.
    if (!this.options.spec.storage) this.#watch = setInterval(() => this.#look(), PACE_INTERVAL_MS).unref();
    await Promise.all([...this].map(({ way }) => way.open()));
  }

  /**
   * Others are below this node from now on. Who has gone elsewhere is nobody's loss; what was on its way down to it goes
   * the new way, if that leads through here.
   * @param isEnding who is gone has torn down, and stays gone
   */
  replant(epoch: number, subtrees: readonly Subtree[], isEnding = false): void {
    this.#epoch = epoch;
    const wanted = new Set(subtrees.map(({ name }) => name));
    const dropped = [...this].filter((child) => !child.gone && !wanted.has(child.name));
    const input = dropped.flatMap((child) => this.part(child));
    for (const subtree of subtrees) {
      const child = this.#children.get(subtree.name);
      if (child?.gone && isEnding) continue;
      if (!child || child.gone) void this.add(subtree).way.open();
      else if (!isSameTree(child.subtree, subtree)) {
        input.push(...misplacedInput(child, subtree));
        child.replant(subtree);
        child.way.channel.tell({ t: 'tree', job: this.options.spec.job, epoch, subtree });
      }
    }
    for (const { header, body, settled } of input) {
      const { node, at, eof } = header as unknown as { node: string; at: number; eof: boolean };
      this.routeInput(node, at, eof, body ?? Buffer.alloc(0), settled);
    }
  }

  /** This node takes no part any more. */
  leave(): void {
    this.stopWatching();
    for (const child of this) if (!child.gone) this.part(child);
  }

  /** It does not know yet that it has another parent, or none. @returns input that it has not taken */
  part(child: RelayChild): Kept[] {
    child.way.channel.tell({ t: 'parted', job: this.options.spec.job });
    return this.drop(child);
  }

  /** It has another parent. @returns input that it has not taken */
  drop(child: RelayChild): Kept[] {
    const input = child.way.channel.unsettled().filter(isInput);
    this.#children.delete(child.name);
    this.release(child);
    return input;
  }

  /** Nothing is sent to it any more, nor kept for it. */
  release(child: RelayChild): void {
    child.clearStranded();
    child.way.close();
    child.way.channel.abandon();
    this.port.onRemoved(child.name);
  }

  /** To every child. */
  broadcast(message: JobMessage): void {
    for (const { way } of this) way.channel.send(message);
  }

  /** To every child, also to those that come later or again: the last of these counts. */
  stand(message: JobMessage): void {
    this.#standing = message;
    for (const { way } of this) way.channel.tell(message);
  }

  /** Standard input towards a node below: never more than its window, so that nobody waits for it. */
  routeInput(node: string, at: number, eof: boolean, bytes: Buffer, settled: Settle): void {
    const child = [...this].find((one) => !one.gone && one.leadsTo(node));
    const { job } = this.options.spec;
    child?.way.channel.send({ t: 'stdin', job, node, at, eof }, bytes, once(settled));
  }

  /** Nobody is judged any more. */
  stopWatching(): void {
    clearInterval(this.#watch);
  }

  #look(): void {
    const paced = [...this].flatMap(({ gone, isAway, name, subtree, progress, sent }) => {
      if (gone || isAway) return [];
      const arrived = progress.urgentBytes + progress.hystereticBytes;
      return [{ name, nodes: [...nodesOf(subtree)].length, arrived, sent }];
    });
    for (const name of this.#slow.look(paced)) this.port.onSlow(name);
  }

  /** Sums of the subtrees' progress. */
  progress(): Progress {
    const sum = { ...NO_PROGRESS };
    for (const { progress } of this)
      for (const key of Object.keys(NO_PROGRESS) as (keyof Progress)[]) sum[key] += progress[key];
    return sum;
  }

  /** Reads that wait below, the longest first. */
  waits(): PresentWaits {
    return mergeWaits([...this].map(({ waits }) => waits));
  }

  /** Children without a link for now. */
  away(): Subtree[] {
    return [...this].filter((child) => child.isAway).map(({ subtree }) => subtree);
  }

  get endDeadlineMs(): number {
    const levels = [...this].reduce((most, { subtree }) => Math.max(most, 1 + heightOf(subtree)), 0);
    return END_DEADLINE_MS + END_DEADLINE_LEVEL_MS * Math.min(LEVELS_MAX, levels);
  }

  #make(subtree: Subtree): RelayChild {
    const { spec, recoveryDeadlineMs, repairDelayMs } = this.options;
    const { name } = subtree;
    const { size = 0 } = this.options.known ?? {};
    const child: RelayChild = new RelayChild(subtree, this.#epoch > 0 || size > 0, {
      job: spec.job,
      recoveryDeadlineMs,
      connect: () => this.port.connect(name),
      known: subtree.known || (this.options.known?.has(name) ?? false),
      onKnown: () => this.port.onKnown(name),
      greeting: (again) => encodeJob({ ...spec, epoch: this.#epoch, subtree: child.subtree }, again),
      onAttached: () => {
        if (this.#standing) child.way.channel.tell(this.#standing);
        this.port.onAttached(child);
      },
      onAway: (error) => {
        this.port.onAway(name, error);
        child.strandLater(repairDelayMs, () => this.port.onStranded(name, error));
      },
      onBack: () => {
        if (child.clearStranded()) this.port.onBack(name);
      },
      onLost: (error) => this.port.onLost(child, error),
    });
    return child;
  }
}

function isInput({ header }: Kept): boolean {
  return header['t'] === 'stdin';
}

/** What is on its way to nodes that are not below this child any more; it may come twice, which its place tells. */
function misplacedInput(child: RelayChild, subtree: Subtree): Kept[] {
  const below = new Set([...nodesOf(subtree)].map(({ name }) => name));
  return child.way.channel
    .unsettled()
    .filter((kept) => isInput(kept) && !below.has(kept.header['node'] as string));
}

/** What is sent by two ways is settled by the first that says so. */
function once(settled: Settle): Settle {
  let isSettled = false;
  return () => {
    if (!isSettled) settled();
    isSettled = true;
  };
}
