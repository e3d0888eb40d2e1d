/** Slurm: sbatch(1), salloc(1) and srun(1) set these in every job; squeue(1) knows whose it is. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { TeesError } from '../base/errors.js';
import { parseHostlist } from '../topology/hostlist.js';
import type { ManagedJob, ResourceManager } from './resource-manager.js';

const LOOK_UP_DEADLINE_MS = 30_000;
/** Configuring, running, suspended, stopped: in these a job has its nodes to itself. */
const RUNNING_STATES = new Set(['CONFIGURING', 'RUNNING', 'SUSPENDED', 'STOPPED', 'SIGNALING', 'RESIZING']);
/** The only one that was asked for, and is no more. */
const UNKNOWN_JOB = /Invalid job id/;

export const slurm: ResourceManager = {
  name: 'Slurm',
  allocation({ SLURM_JOB_ID: job, SLURM_JOB_NODELIST: list }) {
    return job && list ? { job, nodes: parseHostlist(list) } : undefined;
  },
  async lookUp(jobs) {
    const asked = jobs.filter((job) => /^[0-9]+$/.test(job));
    if (asked.length === 0) return new Map();
    // %A is each array task's own number, by which its tasks know it; %F the array's, when there is an index (%K).
    const argv = ['--noheader', '--states=all', '--format=%A|%U|%T|%N|%F|%K', `--jobs=${asked.join(',')}`];
    try {
      const { stdout } = await promisify(execFile)('squeue', argv, { timeout: LOOK_UP_DEADLINE_MS });
      return readJobs(stdout);
    } catch (cause) {
      if (UNKNOWN_JOB.test((cause as { stderr?: string }).stderr ?? '')) return new Map();
      throw silent(cause);
    }
  },
  async taskNodes(array) {
    const argv = [
      '--noheader',
      `--states=${[...RUNNING_STATES].join(',')}`,
      '--format=%N',
      `--jobs=${array}`,
    ];
    try {
      const { stdout } = await promisify(execFile)('squeue', argv, { timeout: LOOK_UP_DEADLINE_MS });
      const lists = stdout.split('\n').map((line) => line.trim());
      return lists.filter((list) => list !== '').flatMap((list) => parseHostlist(list));
    } catch (cause) {
      if (UNKNOWN_JOB.test((cause as { stderr?: string }).stderr ?? '')) return [];
      throw silent(cause);
    }
  },
  async idleNodes() {
    const argv = ['--noheader', '--Node', '--states=idle', '--format=%N'];
    try {
      const { stdout } = await promisify(execFile)('sinfo', argv, { timeout: LOOK_UP_DEADLINE_MS });
      return new Set(stdout.split(/\s+/).filter((name) => name !== ''));
    } catch (cause) {
      throw silent(cause);
    }
  },
};

function silent(cause: unknown): TeesError {
  const { stderr = '', message } = cause as Error & { stderr?: string };
  return new TeesError('RESOURCE_MANAGER_SILENT', `Slurm does not answer: ${stderr.trim() || message}`, {
    cause,
    hint: 'Do squeue and sinfo work on the login node, as root? See slurmctld, slurm.conf and munge.',
  });
}

/** Pure. */
export function readJobs(table: string): Map<string, ManagedJob> {
  const rows = table.split('\n').map((line) => line.trim().split('|'));
  return new Map(
    rows
      .filter((row): row is [string, string, string, string, string, string] => row.length === 6)
      .map(([job, uid, state, nodes, array, index]) => [
        job,
        {
          uid: Number(uid),
          nodes: nodes === '' ? [] : parseHostlist(nodes),
          runs: RUNNING_STATES.has(state),
          ...(/^[0-9]+$/.test(index) ? { array } : {}),
        },
      ]),
  );
}
