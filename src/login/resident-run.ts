/** What the jobs for the resource manager's jobs are run with, and by whom they are heard. */
import { foldHostlist } from '../topology/hostlist.js';
import type { RunRequest } from '../wire/api.js';
import type { ResidentSpec, ResideRequest } from '../wire/resident.js';
import type { Submission, SubmissionContext } from './submission.js';

/** @param nodes those that it takes the environment to */
export function runRequest(request: ResideRequest, nodes: readonly string[]): RunRequest {
  const { environment, argv, cwd, path, libraries, hook, method, onLoss, learn } = request;
  return {
    nodes: foldHostlist(nodes),
    argv,
    cwd,
    environment,
    // What its dependencies are looked for with.
    env: { ...(path ? { PATH: path } : {}), ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}) },
    // Instead of which `environment` is opened.
    upper: '/',
    urgent: [],
    method: method || 'auto',
    ...(hook ? { hook } : {}),
    ...(onLoss ? { onLoss } : {}),
    complete: false,
    demand: true,
    learn,
  };
}

/** Nobody sits before it: what is to be said goes to the log. */
export function portOf(
  { log }: SubmissionContext,
  { manager, job }: ResidentSpec,
): ConstructorParameters<typeof Submission>[2] {
  return {
    onOutput: () => {},
    isBehind: () => true,
    onProgress: () => {},
    onInputCredit: () => {},
    onWarning: (text) => log.warn(`${manager} job ${job}: ${text}`),
    onFailed: () => {},
  };
}
