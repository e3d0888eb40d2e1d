/** What a command may ask instead of running something: one message, answered, to whom the kernel says asks. */
import type { Config } from '../config/config.js';
import type { DaemonMessage } from '../wire/api.js';
import type { Header } from '../wire/frame.js';
import { isJobsRequest } from '../wire/jobs.js';
import type { JobsAnswer } from '../wire/jobs.js';
import { isLearningRequest } from '../wire/learning.js';
import type { LearningAnswer } from '../wire/learning.js';
import { isProbeRequest } from '../wire/probe-question.js';
import type { ProbeAnswer } from '../wire/probe-question.js';
import type { JobList } from './job-list.js';
import { answerJobs } from './jobs-requests.js';
import { answerLearning } from './learning-requests.js';
import type { LearntRecords } from './learnt-records.js';
import { answerProbe } from './network-questions.js';
import type { Prober } from './probing.js';

export interface Knowledge {
  readonly config: Config;
  readonly learnt: LearntRecords;
  readonly jobs: JobList;
  readonly prober: Prober;
}

export type AnyAnswer = DaemonMessage | LearningAnswer | JobsAnswer | ProbeAnswer;

export function isQuestion(header: Header): boolean {
  return isLearningRequest(header) || isJobsRequest(header) || isProbeRequest(header);
}

/**
 * @param signal when nobody waits for the answer any more
 * @returns all that is to be sent
 */
export function answerQuestion(
  header: Header,
  uid: number,
  { config, learnt, jobs, prober }: Knowledge,
  signal: AbortSignal,
): Promise<{ message: AnyAnswer; body?: Buffer }[]> {
  if (isJobsRequest(header)) return answerJobs(header, uid, jobs);
  if (isProbeRequest(header)) return answerProbe(header, prober, signal);
  return answerLearning({ header, uid, budgetBytes: config.learning.budgetBytes }, learnt);
}
