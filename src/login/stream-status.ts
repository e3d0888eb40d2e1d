/** What `tees status` tells about a job's stream, from what the root of the tree has heard. Pure. */
import type { StreamStatus } from '../wire/jobs.js';
import type { PresentWaits } from '../wire/waits.js';
import type { StallState } from './stall-policies.js';

export interface StreamFacts extends Omit<StreamStatus, 'remaining' | 'stall' | 'waiting' | 'waits'> {
  readonly stall: StallState;
  readonly present: PresentWaits;
  /** Something is still to come. */
  readonly moving: boolean;
}

export function streamStatus({ stall, present, moving, ...facts }: StreamFacts): StreamStatus {
  const rate = facts.bytesPerSecond;
  const missing = Math.max(0, facts.bytesTotal - facts.bytes);
  return {
    ...facts,
    ...(moving && rate > 0 ? { remaining: missing / rate } : {}),
    stall: {
      policy: stall.policy,
      deadline: stall.deadlineSeconds,
      quiet: moving ? stall.quietSeconds : 0,
      stalled: moving && stall.stalled,
    },
    waiting: present.count,
    waits: present.waits,
  };
}
