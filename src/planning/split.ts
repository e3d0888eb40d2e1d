/** Split-step transport (paper, section 3.4.1): which contents go first, and why. */
import type { ByteString } from '../base/bytes.js';
import type { UncoveredProgram } from './uncovered.js';
import type { CommandKey } from './command-key.js';
import type { RunWaits } from './learning.js';

export type UrgentReason =
  | 'command'
  | 'interpreter' // of a script (`#!`) or of an ELF file (PT_INTERP)
  | 'library' // DT_NEEDED, found as the dynamic loader would
  | 'loader-configuration' // ld.so.cache, ld.so.conf, ld.so.preload
  | 'asked' // --urgent PATH
  | 'c-library' // opened inside the C library, which the preload hook does not see
  | 'not-covered' // all of the layer: the preload hook does not reach the command
  | 'learnt' // read at start-up by an earlier run of the same command
  | 'sparse'; // small sparse files, where the serving engine cannot report holes

export interface UrgentFile {
  /** A path of the layer, as in the manifest. */
  readonly path: ByteString;
  readonly content: number;
  readonly reason: UrgentReason;
  /** Who needs it: a path inside the environment, or the command line. */
  readonly neededBy: ByteString;
}

export interface MissingFile {
  readonly name: ByteString;
  readonly neededBy: ByteString;
  /** What would help, when that is known: a sentence. */
  readonly hint?: string;
}

export interface Share {
  readonly files: number;
  readonly bytes: number;
}

/** What earlier runs of the command have added. */
export interface SplitLearnt {
  readonly key: CommandKey;
  /** Undefined when there were none. */
  readonly lastRun?: RunWaits;
  readonly urgent: Share;
  /** Right behind the urgent part: over the budget, or read later. */
  readonly first: Share;
}

export interface Split {
  readonly urgent: readonly UrgentFile[];
  /** Every content's index once: first the urgent ones, then the hysteretic ones, in order of sending. */
  readonly order: readonly number[];
  /** How many of `order` are urgent. */
  readonly urgentCount: number;
  /** Files that the command needs and that are nowhere, neither in the layer nor on the node: warnings. */
  readonly missing: readonly MissingFile[];
  /** Programs of the command that the hook does not reach: everything is urgent then. */
  readonly uncovered?: readonly UncoveredProgram[];
  /** Undefined where nobody has asked for it. */
  readonly learnt?: SplitLearnt;
}
