/** What a command may ask instead of running something: one message, answered, to whom the kernel says asks. */
import type { Config } from '../config/config.js';
import type { DaemonMessage } from '../wire/api.js';
import { isCalibrateRequest } from '../wire/calibrate-question.js';
import type { CalibrateAnswer } from '../wire/calibrate-question.js';
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
import type { Calibrator } from './calibrator.js';
import { answerCalibrate, answerProbe } from './network-questions.js';
import type { Asker } from './network-questions.js';
import type { Prober } from './probing.js';

export interface Knowledge {
  readonly config: Config;
  readonly learnt: LearntRecords;
  readonly jobs: JobList;
  readonly prober: Prober;
  readonly calibrator: Calibrator;
}

export type AnyAnswer = DaemonMessage | LearningAnswer | JobsAnswer | ProbeAnswer | CalibrateAnswer;

const QUESTIONS = [isLearningRequest, isJobsRequest, isProbeRequest, isCalibrateRequest];

export function isQuestion(header: Header): boolean {
  return QUESTIONS.some((is) => is(header));
}

/** @returns all that is to be sent, besides what was said meanwhile */
export function answerQuestion(
  header: Header,
  asker: Asker,
  { config, learnt, jobs, prober, calibrator }: Knowledge,
): Promise<{ message: AnyAnswer; body?: Buffer }[]> {
  const { uid } = asker;
  if (isJobsRequest(header)) return answerJobs(header, uid, jobs);
  if (isProbeRequest(header)) return answerProbe(header, prober, asker);
  if (isCalibrateRequest(header)) return answerCalibrate(header, calibrator, asker);
  return answerLearning({ header, uid, budgetBytes: config.learning.budgetBytes }, learnt);
}
