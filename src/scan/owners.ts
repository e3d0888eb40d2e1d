/**
 * Whose a file of a private environment is, as those inside see it. On the node its root is the user, and all others have
 * subordinate ids (native/environment/identities.c).
 */
import { ENVIRONMENT_IDS } from '../base/limits.js';

/** Of users or of groups. */
export interface IdRange {
  /** Root's inside. */
  readonly self: number;
  /** Of the others: id i inside is first + i - 1. */
  readonly first: number;
}

export interface Owners {
  readonly users: IdRange;
  readonly groups: IdRange;
}

/** Who has no id inside: overflowuid(5). */
const NOBODY = 65_534;

export function insideId(id: number, { self, first }: IdRange): number {
  if (id === self) return 0;
  const inside = id - first + 1;
  return inside >= 1 && inside < ENVIRONMENT_IDS ? inside : NOBODY;
}
