/**
 * Questions to a resource manager about its jobs, which come from many nodes at the same time: it is asked once at a time, and
 * then for all that have been asked about meanwhile.
 */
import { TeesError } from '../base/errors.js';
import type { ManagedJob, ResourceManager } from '../resource-manager/resource-manager.js';

interface Question {
  readonly answer: Promise<ManagedJob>;
  readonly found: (job: ManagedJob) => void;
  readonly failed: (error: unknown) => void;
}

export class ManagerQuestions {
  #waiting = new Map<string, Question>();
  #asking = false;

  constructor(private readonly manager: ResourceManager) {}

  /** @throws TeesError ALLOCATION_UNKNOWN when it does not run; and what `lookUp` throws */
  ask(job: string): Promise<ManagedJob> {
    let question = this.#waiting.get(job);
    if (!question) {
      let found: Question['found'] = () => {};
      let failed: Question['failed'] = () => {};
      const answer = new Promise<ManagedJob>((resolve, reject) => ([found, failed] = [resolve, reject]));
      question = { answer, found, failed };
      this.#waiting.set(job, question);
    }
    void this.#askAll();
    return question.answer;
  }

  async #askAll(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    while (this.#waiting.size > 0) {
      const asked = this.#waiting;
      this.#waiting = new Map();
      try {
        const known = await this.manager.lookUp([...asked.keys()]);
        for (const [job, { found, failed }] of asked) {
          const managed = known.get(job);
          if (managed?.runs) found(managed);
          else
            failed(new TeesError('ALLOCATION_UNKNOWN', `${this.manager.name} has no job ${job} that runs`));
        }
      } catch (error) {
        for (const { failed } of asked.values()) failed(error);
      }
    }
    this.#asking = false;
  }
}
