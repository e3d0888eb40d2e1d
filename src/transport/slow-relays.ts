/**
 * Which children of a node pass on what they get so slowly that those below them had better have another parent. Pure.
 * What counts is how much arrives below a child in some seconds, compared with what its siblings get: a node on which
 * everything is slow, a busy machine, a shared link, makes all of them slow. Judged slow is who stays so; once.
 */
import type { Clock } from '../base/clock.js';

/** Between two looks. */
export const PACE_INTERVAL_MS = 1_000;
const WINDOW_LOOKS = 4;
/** So many times slower than the median of the siblings, in so many looks one after the other. */
const SLOW_RATIO = 4;
const SLOW_LOOKS = 3;
/** What is over sooner is not worth another tree. */
const WORTH_SECONDS = 5;

/** A child as it is now. */
export interface PacedChild {
  readonly name: string;
  /** In its subtree, itself included. */
  readonly nodes: number;
  /** Bytes, or units, that have arrived in its subtree, and that it was sent itself. */
  readonly arrived: number;
  readonly sent: number;
}

interface Look {
  readonly atMs: number;
  readonly arrived: number;
  readonly sent: number;
}

interface Pace {
  nodes: number;
  looks: Look[];
  /** Something has come to those below it, once: before that they may not be ready, which is not its fault. */
  hasPassedOn: boolean;
  /** What it passes on to each node below it in a second, or takes, when there is none; when it last was to be seen. */
  perSecond: number | undefined;
  slowLooks: number;
}

export class SlowRelays {
  readonly #paces = new Map<string, Pace>();
  readonly #told = new Set<string>();

  /** @param total that each node is to get */
  constructor(
    private readonly clock: Clock,
    private readonly total: number,
  ) {}

  /** @param children those that can be sent something. @returns those that are slow, each once */
  look(children: readonly PacedChild[]): string[] {
    const atMs = this.clock.nowMs();
    const names = new Set(children.map(({ name }) => name));
    for (const name of [...this.#paces.keys()]) if (!names.has(name)) this.#paces.delete(name);
    for (const child of children) this.#observe(child, atMs);
    return children.filter((child) => this.#isSlow(child)).map(({ name }) => name);
  }

  #observe({ name, nodes, arrived, sent }: PacedChild, atMs: number): void {
    let pace = this.#paces.get(name);
    // Others are below it than before, or it has begun anew: nothing can be compared.
    if (!pace || pace.nodes !== nodes || arrived < (pace.looks.at(-1)?.arrived ?? 0))
      this.#paces.set(
        name,
        (pace = { nodes, looks: [], hasPassedOn: false, perSecond: undefined, slowLooks: 0 }),
      );
    if (arrived >= nodes * this.total && (pace.looks.at(-1)?.arrived ?? 0) >= nodes * this.total) return;
    if (arrived > sent) pace.hasPassedOn = true;
    pace.looks.push({ atMs, arrived, sent });
    if (pace.looks.length > WINDOW_LOOKS + 1) pace.looks.shift();
    const [first, last] = [pace.looks[0] as Look, pace.looks.at(-1) as Look];
    const isDone = arrived >= nodes * this.total;
    if (last.atMs > first.atMs && (isDone || pace.looks.length > WINDOW_LOOKS))
      pace.perSecond = nodes === 1 ? received(first, last) : passedOn(first, last, nodes - 1);
  }

  #isSlow({ name, nodes, arrived }: PacedChild): boolean {
    const pace = this.#paces.get(name) as Pace;
    const below = nodes - 1;
    if (below === 0 || this.#told.has(name) || pace.looks.length <= WINDOW_LOOKS) return false;
    const [first, last] = [pace.looks[0] as Look, pace.looks.at(-1) as Look];
    const own = received(first, last);
    const passed = passedOn(first, last, below);
    const slow = this.#medianOfOthers(name) / SLOW_RATIO;
    // Of one child below it alone nobody can say which of the two is slow, unless the upper one is.
    const missing = nodes * this.total - arrived;
    const isSlow =
      pace.hasPassedOn &&
      passed < slow &&
      (below > 1 || own < slow) &&
      // More than one lacks something: it is not that a single node is slow by itself.
      missing > this.total &&
      missing > passed * below * WORTH_SECONDS;
    pace.slowLooks = isSlow ? pace.slowLooks + 1 : 0;
    if (pace.slowLooks < SLOW_LOOKS) return false;
    this.#told.add(name);
    return true;
  }

  /** 0 without others to compare with: then nobody is slow. */
  #medianOfOthers(name: string): number {
    const others = [...this.#paces].filter(([other]) => other !== name);
    const known = others.flatMap(([, { perSecond }]) => (perSecond === undefined ? [] : [perSecond]));
    known.sort((a, b) => a - b);
    // The lower one of two: what is compared with is not the best.
    return known[(known.length - 1) >> 1] ?? 0;
  }
}

/** Bytes a second that its parent has sent it. */
function received(first: Look, last: Look): number {
  return (1000 * (last.sent - first.sent)) / (last.atMs - first.atMs);
}

/** Bytes a second that have come to each of those below it. */
function passedOn(first: Look, last: Look, below: number): number {
  const arrived = (1000 * (last.arrived - first.arrived)) / (last.atMs - first.atMs);
  return Math.max(0, arrived - received(first, last)) / below;
}
