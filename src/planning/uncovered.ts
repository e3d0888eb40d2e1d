/** Programs that the preload hook does not reach, and why. */

/** Why a program cannot wait for single files. The codes are those of hooks/preload/protocol.h. */
export const UNCOVERED_REASONS = {
  static: 1,
  'foreign-loader': 2,
  'foreign-machine': 3,
  'raw-calls': 4,
  unreadable: 5,
} as const;
export type UncoveredReason = keyof typeof UNCOVERED_REASONS;

const TEXTS: Readonly<Record<string, string>> = {
  static: 'it is linked statically, out of reach of the preload hook',
  'foreign-loader': "its dynamic loader is not glibc's, out of reach of the preload hook",
  'foreign-machine': 'it is for another machine or word size than the preload hook',
  'raw-calls': 'it calls the kernel past the C library (Go), out of reach of the preload hook',
  unreadable: 'it cannot be read to see whether the preload hook reaches it',
};

/** For people, behind a colon. */
export function uncoveredText(reason: UncoveredReason): string {
  return TEXTS[reason] ?? 'out of reach of the preload hook';
}

export interface UncoveredProgram {
  /** Inside the environment. */
  readonly path: string;
  readonly reason: UncoveredReason;
}
