/** `tees status` and `tees cancel`, answered to whom the kernel says asks. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { FRAME_BODY_MAX_BYTES } from '../base/limits.js';
import type { DaemonMessage } from '../wire/api.js';
import type { Header } from '../wire/frame.js';
import { decodeJobsRequest } from '../wire/jobs.js';
import type { JobsAnswer, JobStatus } from '../wire/jobs.js';
import type { JobList } from './job-list.js';

export interface Answer {
  readonly message: DaemonMessage | JobsAnswer;
  readonly body?: Buffer;
}

const LOOK_UP_DEADLINE_MS = 200;

/** @returns all that is to be sent */
export async function answerJobs(header: Header, uid: number, jobs: JobList): Promise<Answer[]> {
  try {
    return [await answer(header, uid, jobs), { message: { t: 'over', status: 0 } }];
  } catch (thrown) {
    const error = TeesError.from(thrown, 'INTERNAL').toRecord();
    return [{ message: { t: 'over', status: 1, error } }];
  }
}

async function answer(header: Header, uid: number, jobs: JobList): Promise<Answer> {
  const request = decodeJobsRequest(header);
  if (request.t === 'status') {
    const asked = request.job === undefined ? jobs.visibleTo(uid) : [jobs.find(request.job, uid)];
    return { message: { t: 'statusOf' }, body: toBody(asked.map((job) => job.status())) };
  }
  const job = jobs.find(request.job, uid);
  const nodes = job.nodeCount();
  const who = await userName(uid);
  const startMs = systemClock.nowMs();
  await job.cancel(new TeesError('CANCELLED', `the job was cancelled by ${who}`));
  const seconds = Math.round(systemClock.nowMs() - startMs) / 1000;
  return { message: { t: 'cancelled', job: job.name, nodes, seconds } };
}

/** In one frame: of very many waits, fewer. */
function toBody(jobs: readonly JobStatus[]): Buffer {
  for (let waits = 1000; ; waits = waits >> 1) {
    const fewer = jobs.map((job) =>
      job.stream ? { ...job, stream: { ...job.stream, waits: job.stream.waits.slice(0, waits) } } : job,
    );
    const body = Buffer.from(JSON.stringify(fewer));
    if (body.length <= FRAME_BODY_MAX_BYTES || waits === 0) return body;
  }
}

/** By local files, or whatever the site has; a number when that takes too long. */
async function userName(uid: number): Promise<string> {
  try {
    const options = { timeout: LOOK_UP_DEADLINE_MS };
    const { stdout } = await promisify(execFile)('id', ['-un', '--', String(uid)], options);
    return `user ${stdout.trim()} (uid ${uid})`;
  } catch {
    return `uid ${uid}`;
  }
}
