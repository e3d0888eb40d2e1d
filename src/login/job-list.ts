/** The jobs of this login node, from their requests to their ends: who may see and end which. */
import { TeesError } from '../base/errors.js';
import type { JobStatus } from '../wire/jobs.js';

export interface ListedJob {
  readonly name: string;
  /** Who submitted it, and whose its tasks are: either may see it and end it, as root may. */
  readonly owners: readonly number[];
  /** In its tree, its proxies too. */
  nodeCount(): number;
  status(): JobStatus;
  /** Resolves when nothing of it is left. */
  cancel(reason: TeesError): Promise<void>;
}

export class JobList {
  readonly #jobs = new Map<string, ListedJob>();

  add(job: ListedJob): void {
    this.#jobs.set(job.name, job);
  }

  remove(name: string): void {
    this.#jobs.delete(name);
  }

  visibleTo(uid: number): ListedJob[] {
    return [...this.#jobs.values()].filter((job) => mayEnd(job, uid));
  }

  /** @throws TeesError JOB_UNKNOWN, JOB_FORBIDDEN */
  find(name: string, uid: number): ListedJob {
    const job = this.#jobs.get(name);
    if (!job)
      throw new TeesError('JOB_UNKNOWN', `there is no job ${name} here now`, {
        hint: 'See: tees status',
      });
    if (mayEnd(job, uid)) return job;
    throw new TeesError('JOB_FORBIDDEN', `job ${name} belongs to another user`, {
      hint: 'Only its owner and root may ask about it or end it.',
    });
  }
}

function mayEnd({ owners }: ListedJob, uid: number): boolean {
  return uid === 0 || owners.includes(uid);
}
