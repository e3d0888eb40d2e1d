/**
 * Where this node stands in the tree of a job: who is below it, which may change, and which parents are to be believed
 * (docs/decisions/0015-repair.md).
 */
import type { JobSpec, Subtree } from '../wire/job.js';

export type Place = Pick<JobSpec, 'epoch' | 'subtree'>;

export class TreePlace {
  #epoch: number;

  /** @param onMoved others are below this node from now on */
  constructor(
    { epoch }: Place,
    private readonly onMoved: (place: Place) => void,
  ) {
    this.#epoch = epoch;
  }

  /** Who says this was the parent, and is no more. */
  isStale({ epoch }: Place): boolean {
    return epoch < this.#epoch;
  }

  /** What is known already, or was true once, changes nothing. */
  move(epoch: number, subtree: Subtree): void {
    if (epoch <= this.#epoch) return;
    this.#epoch = epoch;
    this.onMoved({ epoch, subtree });
  }
}
