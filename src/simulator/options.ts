/** What a run is made of: said, or drawn from its seed. Pure. */
import { seededRandom } from '../topology/random.js';
import { FAULT_KINDS } from './faults.js';
import type { FaultKind } from './faults.js';

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
  /** On the same nodes, at the same time. */
  readonly jobs: number;
  /** Of the contents of a layer: those that the others have, too. */
  readonly sameShare: number;
  /** Of what a node has by one job: what another one does not find all the same. */
  readonly misplacedShare: number;
  /** Of several jobs: those that have other nodes than the first, or another tree. */
  readonly otherTreeShare: number;
  /** Of several jobs: those that their users cancel. */
  readonly cancelShare: number;
  readonly groupSize: number;
  readonly width: number;
  readonly pieces: number;
  readonly chunks: number;
  /** Of the units, so many a node has from earlier jobs; another choice on each. */
  readonly keptShare: number;
  readonly faults: number;
  readonly kinds: readonly FaultKind[];
  /** Whether relays that are slow are passed by. */
  readonly passesSlow: boolean;
  /** Of the seeds: those of jobs that a lost node ends. */
  readonly stopShare: number;
  /** Of the seeds: those with faults that end the job. */
  readonly fatalShare: number;
  readonly recoveryDeadlineMs: number;
  readonly repairDelayMs: number;
  readonly silenceDeadlineMs: number;
}

/** Of the seeds: those with several jobs. */
const SEVERAL_SHARE = 0.35;
const JOBS_MAX = 4;

/** What a seed makes of what is not given. */
export function runOptions(seed: number, given: Partial<RunOptions> = {}): RunOptions {
  const random = seededRandom(seed ^ 0x5eed);
  const below = (n: number): number => Math.floor(random() * n);
  const groupSize = 1 + below(12);
  return {
    seed,
    nodes: 2 + below(60),
    groupSize,
    width: 1 + below(15),
    pieces: 1 + below(3),
    chunks: below(60),
    keptShare: random() < 0.5 ? 0 : random(),
    faults: below(8),
    kinds: FAULT_KINDS,
    passesSlow: true,
    stopShare: 0.15,
    fatalShare: 0.1,
    recoveryDeadlineMs: 10_000,
    repairDelayMs: 2_000,
    silenceDeadlineMs: random() < 0.5 ? 15_000 : 4_000,
    jobs: random() < SEVERAL_SHARE ? 2 + below(JOBS_MAX - 1) : 1,
    sameShare: random() < 0.6 ? 1 : random(),
    misplacedShare: random() < 0.7 ? 0 : 0.01,
    otherTreeShare: random() < 0.3 ? 0 : 0.7,
    cancelShare: random() < 0.5 ? 0 : 0.3,
    ...given,
  };
}
