/** What follows from a report: where waits stand on the job's scale, and what waiting for everything would have cost. */
import type { Report } from './report.js';

/** In seconds since submission. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface FirstBlockedRead extends Span {
  readonly node: string;
  readonly path: string;
}

/** The read that was the first of all nodes' to wait. */
export function firstBlockedRead(report: Report): FirstBlockedRead | undefined {
  let found: FirstBlockedRead | undefined;
  for (const [node, { first }] of Object.entries(report.tasks)) {
    const launched = launchOf(report, node);
    if (!first || launched === undefined) continue;
    const start = launched + first.at;
    if (!found || start < found.start) found = { node, path: first.path, start, end: start + first.seconds };
  }
  return found;
}

export interface SlowestTask {
  readonly node: string;
  readonly waits: readonly Span[];
  /** Seconds with at least one read blocked. */
  readonly waited: number;
}

/** The task that ended last. */
export function slowestTask(report: Report): SlowestTask | undefined {
  const [last] = Object.entries(report.perNode)
    .flatMap(([node, { exited }]) => (exited === undefined ? [] : [{ node, exited }]))
    .sort((a, b) => b.exited - a.exited);
  const launched = last && launchOf(report, last.node);
  if (!last || launched === undefined) return undefined;
  const waits = report.blocked
    .filter(({ node }) => node === last.node)
    .map(({ at, seconds }) => ({ start: launched + at, end: launched + at + seconds }));
  return { node: last.node, waits, waited: report.tasks[last.node]?.waited ?? 0 };
}

/** The login node hears of a launch late, and of the end, so the earlier of what the two say is nearer. */
function launchOf(report: Report, node: string): number | undefined {
  const { launched, exited } = report.perNode[node] ?? {};
  const ran = report.tasks[node]?.ran;
  if (launched === undefined || exited === undefined || ran === undefined) return launched;
  return Math.max(0, Math.min(launched, exited - ran));
}

export interface Waited extends Span {
  readonly measured: boolean;
}

/**
 * From when the layer would have been complete on every node, to when the last task would have ended: on each
 * node what its task took without its waits (by the node's own clock) behind that node's delivery. Taken from a
 * run whose tasks shared processors and network with the delivery; a real one would differ by that.
 */
export function waitedForAll(report: Report, measuredSeconds?: number): Waited | undefined {
  const start = report.timeline.hystereticDelivered;
  if (start === undefined) return undefined;
  if (measuredSeconds !== undefined) {
    return { measured: true, start: Math.min(start, measuredSeconds), end: measuredSeconds };
  }
  const ends = Object.entries(report.tasks).flatMap(([node, { ran, waited }]) => {
    const { hystereticDelivered, exited } = report.perNode[node] ?? {};
    return hystereticDelivered === undefined || exited === undefined
      ? []
      : [hystereticDelivered + ran - waited];
  });
  return ends.length === 0 ? undefined : { measured: false, start, end: Math.max(start, ...ends) };
}
