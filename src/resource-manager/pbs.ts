/**
 * PBS: a file with a line for each slot, named by PBS_NODEFILE (pbs_resources(7B)), whose nodes may have their domain; qstat(1B)
 * knows whose a job is. Its programs are where pbs.conf(8B) says.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TeesError } from '../base/errors.js';
import { lookUpUser } from '../base/users.js';
import type { ManagedJob, ResourceManager } from './resource-manager.js';

const LOOK_UP_DEADLINE_MS = 30_000;
const DEFAULT_CONFIGURATION = '/etc/pbs.conf';
/** Running, suspended by PBS, suspended because its workstation is in use: in these a job has its nodes. */
const RUNNING_STATES = new Set(['R', 'S', 'U']);
/** A sequence number, the index of an array's job, a server. */
const JOB = /^[0-9]+(\[[0-9]+\])?(\.[A-Za-z0-9._-]+)?$/;
/** Of those that were asked for: they are no more. All else that qstat complains of is a failure. */
const GONE = /: (Unknown Job Id|.* Job has finished)/;

/** Of a job by `qstat -f -F json`. Others may be there, and none of these is when a job does not run. */
interface Attributes {
  readonly job_state?: unknown;
  readonly Job_Owner?: unknown;
  readonly euser?: unknown;
  readonly User_List?: unknown;
  readonly exec_host?: unknown;
}

export const pbs: ResourceManager = {
  name: 'PBS',
  allocation({ PBS_JOBID: job, PBS_NODEFILE: file }) {
    if (!job || !file) return undefined;
    return { job, nodes: [...new Set(slotsOf(file).map(withoutDomain))] };
  },
  async lookUp(jobs) {
    const asked = jobs.filter((job) => JOB.test(job));
    if (asked.length === 0) return new Map();
    const found = readJobs(await askServer(asked));
    const known = new Map<string, ManagedJob>();
    for (const [job, { user, nodes, runs }] of found) known.set(job, { uid: await uidOf(user), nodes, runs });
    return known;
  },
  async idleNodes() {
    const argv = ['-a', '-F', 'json'];
    try {
      const { stdout } = await promisify(execFile)(program('pbsnodes'), argv, {
        timeout: LOOK_UP_DEADLINE_MS,
      });
      return readIdleNodes(stdout);
    } catch (cause) {
      if (cause instanceof TeesError) throw cause;
      throw silent((cause as { stderr?: string }).stderr?.trim() || (cause as Error).message, cause);
    }
  },
};

/** What it prints of those that it knows. */
async function askServer(jobs: readonly string[]): Promise<string> {
  const argv = ['-f', '-F', 'json', ...jobs];
  try {
    const { stdout } = await promisify(execFile)(program('qstat'), argv, { timeout: LOOK_UP_DEADLINE_MS });
    return stdout;
  } catch (cause) {
    const { stdout = '', stderr = '', message } = cause as Error & { stdout?: string; stderr?: string };
    const complaints = stderr.split('\n').filter((line) => line.trim() !== '');
    if (complaints.length > 0 && complaints.every((line) => GONE.test(line))) return stdout;
    throw silent(complaints.join('; ') || message, cause);
  }
}

function silent(why: string, cause?: unknown): TeesError {
  return new TeesError('RESOURCE_MANAGER_SILENT', `PBS does not answer: ${why}`, {
    cause,
    hint: 'Do qstat -f and pbsnodes -a work on the login node, as root? See pbs_server and pbs.conf.',
  });
}

function program(name: string): string {
  const file = process.env['PBS_CONF_FILE'] ?? DEFAULT_CONFIGURATION;
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Then it is to be found as any other command.
  }
  const directory = /^\s*PBS_EXEC=(\S+)/m.exec(text)?.[1];
  return directory === undefined ? name : join(directory, 'bin', name);
}

/** Pure. @throws TeesError RESOURCE_MANAGER_SILENT */
export function readJobs(
  text: string,
): Map<string, { readonly user: string; readonly nodes: readonly string[]; readonly runs: boolean }> {
  if (text.trim() === '') return new Map();
  const { Jobs: jobs = {} } = readJson<{ Jobs?: Record<string, Attributes> }>(text);
  return new Map(
    Object.entries(jobs).map(([job, attributes]) => {
      const { job_state: state, exec_host: hosts } = attributes;
      const nodes = typeof hosts === 'string' ? nodesOf(hosts) : [];
      return [job, { user: userOf(attributes), nodes, runs: RUNNING_STATES.has(String(state)) }] as const;
    }),
  );
}

/** Pure. @throws TeesError RESOURCE_MANAGER_SILENT */
export function readIdleNodes(text: string): ReadonlySet<string> {
  const { nodes = {} } = readJson<{ nodes?: Record<string, { state?: unknown; jobs?: unknown }> }>(text);
  const idle = Object.entries(nodes).filter(
    ([, { state, jobs }]) => state === 'free' && (!Array.isArray(jobs) || jobs.length === 0),
  );
  return new Set(idle.map(([name]) => withoutDomain(name)));
}

function readJson<Answer>(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch (cause) {
    throw silent('what it says is no JSON', cause);
  }
}

/**
 * As whom its tasks run. Only managers of PBS are told; without that it is its owner, unless it was submitted for somebody
 * else: '' then, who is nobody.
 */
function userOf({ euser, Job_Owner: owner, User_List: others }: Attributes): string {
  if (typeof euser === 'string') return euser;
  return typeof owner === 'string' && others === undefined ? owner.replace(/@.*/, '') : '';
}

/** cn0/0*4+cn1/0*4 */
function nodesOf(hosts: string): string[] {
  const names = hosts.split('+').map((slot) => withoutDomain(slot.replace(/\/.*/, '')));
  return [...new Set(names.filter((name) => name !== ''))];
}

function withoutDomain(name: string): string {
  return name.replace(/\..*/, '');
}

/** -1: nobody's. */
async function uidOf(user: string): Promise<number> {
  try {
    return (await lookUpUser(user)).uid;
  } catch {
    return -1;
  }
}

function slotsOf(file: string): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.map((line) => line.trim()).filter((line) => line !== '');
  } catch (cause) {
    throw new TeesError(
      'ALLOCATION_UNREADABLE',
      'the list of the job’s nodes cannot be read (PBS_NODEFILE)',
      {
        path: file,
        cause,
        hint: 'It is there on the first node of a PBS job only. Name the nodes with --nodes.',
      },
    );
  }
}
