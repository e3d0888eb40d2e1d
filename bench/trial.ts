/** What a trial is given, and what it gives back. */
import type { CleanupStack } from '../src/base/lifecycle.js';

export interface ClusterShape {
  readonly groups: number;
  readonly groupSize: number;
  /** As the embedded cluster takes it: 200mbit. */
  readonly uplink: string;
  /** Whether what the nodes receive lies on the disk: more of it than there is memory. Default false. */
  readonly disk?: boolean;
}

export interface TrialContext {
  /** What the trial started is pushed here, and ends with it, however it ends. */
  readonly cleanup: CleanupStack;
  /** Fewer rounds, and less in them, for who only wants to see it run. */
  readonly quick: boolean;
  /** Of the embedded cluster, for a trial that takes it. */
  readonly shape: Partial<ClusterShape>;
  /** Parts of the trial, by their names, for who wants no others. */
  readonly only: readonly string[];
  /** Of what is drawn by chance. */
  readonly seed: number;
  /** Progress, for the one who waits. */
  say(text: string): void;
}

export interface TrialResult {
  /** A table for people, 80 columns. */
  readonly text: string;
  /** The same for programs, with every single measurement. */
  readonly facts: unknown;
}

export type Trial = (context: TrialContext) => Promise<TrialResult>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
