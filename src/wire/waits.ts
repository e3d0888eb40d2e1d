/** Reads that wait at this moment, as nodes tell them up the tree: bounded, the longest first. Pure. */
import { PATH_MAX_BYTES, PRESENT_WAITS_MAX } from '../base/limits.js';
import type { Fields } from './fields.js';

/** Somebody on a node waits for a content. */
export interface PresentWait {
  readonly node: string;
  readonly path: string;
  /** Until now. */
  readonly seconds: number;
  /** Still to come, as far as can be told; left out when nothing flows. */
  readonly expected?: number;
}

export interface PresentWaits {
  /** All of them; only the longest are told. */
  readonly count: number;
  readonly waits: readonly PresentWait[];
}

export const NO_WAITS: PresentWaits = { count: 0, waits: [] };

/** @throws TeesError MESSAGE_INVALID */
export function decodePresentWaits(fields: Fields): PresentWaits {
  return { count: fields.count('count'), waits: fields.objects('waits', PRESENT_WAITS_MAX).map(decodeWait) };
}

function decodeWait(fields: Fields): PresentWait {
  const expected = fields.optionalNumber('expected');
  return {
    node: fields.text('node', 256),
    path: fields.text('path', 4 * PATH_MAX_BYTES),
    seconds: fields.number('seconds'),
    ...(expected === undefined ? {} : { expected }),
  };
}

/** What several have told, as one. */
export function mergeWaits(parts: readonly PresentWaits[]): PresentWaits {
  const told = parts.filter(({ count }) => count > 0);
  if (told.length <= 1) return told[0] ?? NO_WAITS;
  return {
    count: told.reduce((sum, { count }) => sum + count, 0),
    waits: longestFirst(told.flatMap(({ waits }) => waits)),
  };
}

export function longestFirst(waits: readonly PresentWait[]): PresentWait[] {
  return [...waits].sort((a, b) => b.seconds - a.seconds).slice(0, PRESENT_WAITS_MAX);
}

/** As it is so much later: who waited still does. */
export function aged({ count, waits }: PresentWaits, seconds: number): PresentWaits {
  const older = (wait: PresentWait): PresentWait => ({
    ...wait,
    seconds: wait.seconds + seconds,
    ...(wait.expected === undefined ? {} : { expected: Math.max(0, wait.expected - seconds) }),
  });
  return { count, waits: waits.map(older) };
}
