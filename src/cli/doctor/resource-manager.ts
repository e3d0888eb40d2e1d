/** What a node needs so that tasks of the resource manager's jobs come into environments by themselves. */
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { taskPath } from '../../base/native.js';
import type { Config } from '../../config/config.js';
import { managerNamed } from '../../resource-manager/resource-managers.js';
import { fail, ok, warn } from './finding.js';
import type { Finding } from './finding.js';

/** Where slurmd looks for it, unless slurm.conf says otherwise. */
const PLUGSTACK = '/etc/slurm/plugstack.conf';
const SOCKET = '/run/munge/munge.socket.2';
/** No job has this number: only whether there is an answer counts. */
const NO_JOB = '4294967294';
const HINT = 'See docs/resource-managers.md.';

/** On a compute node. */
export async function tasksDoor({ resourceManager, environment }: Config): Promise<Finding[]> {
  if (resourceManager === 'none') return [];
  if (resourceManager === 'pbs') return [await taskProgram()];
  return [plugin(), munge(), binds(environment.bind)].flat();
}

/** On the login node: whose a job is, the manager is asked as root. */
export async function managersWord({ resourceManager }: Config): Promise<Finding[]> {
  if (resourceManager === 'none') return [];
  try {
    await managerNamed(resourceManager).lookUp([NO_JOB]);
    return [ok(resourceManager, 'answers'), ...socketOf(resourceManager)];
  } catch (error) {
    const { message, hint = HINT } = error as Error & { hint?: string };
    return [fail(resourceManager, message, hint), ...socketOf(resourceManager)];
  }
}

function socketOf(manager: string): Finding[] {
  return manager === 'slurm' ? munge() : [];
}

/** It brings tasks in with capabilities, which installing it does not give: an administrator does. */
async function taskProgram(): Promise<Finding> {
  const path = taskPath();
  try {
    await promisify(execFile)(path, ['check']);
    return ok('tees-task', path);
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    return fail('tees-task', stderr.trim() || message, `Its path: ${path}. ${HINT}`);
  }
}

/** The line of plugstack.conf, and the file that it names. */
function plugin(): Finding[] {
  let text: string;
  try {
    text = readFileSync(PLUGSTACK, 'utf8');
  } catch (error) {
    return [fail('Slurm plugin', `${PLUGSTACK}: ${(error as NodeJS.ErrnoException).code}`, HINT)];
  }
  const path = pluginPath(text);
  if (path === undefined)
    return [fail('Slurm plugin', `no line of ${PLUGSTACK} names tees-spank.so`, `required PATH. ${HINT}`)];
  try {
    accessSync(path, constants.R_OK);
    return [ok('Slurm plugin', path)];
  } catch {
    return [fail('Slurm plugin', `${path} is not there`, `Make it: hooks/slurm/build DIRECTORY. ${HINT}`)];
  }
}

/** Pure. Undefined: there is none. What is included is not looked into. */
export function pluginPath(plugstack: string): string | undefined {
  const words = plugstack.split('\n').map((line) => line.trim().split(/\s+/));
  return words.find(
    ([kind, path]) => /^(required|optional)$/.test(kind ?? '') && /tees[^/]*\.so$/.test(path ?? ''),
  )?.[1];
}

function munge(): Finding[] {
  try {
    if (statSync(SOCKET).isSocket()) return [ok('munge', SOCKET)];
  } catch {
    // Not there.
  }
  return [fail('munge', `${SOCKET} is not there`, 'Start it: systemctl start munge.')];
}

/** Steps of a batch script ask Slurm from inside. */
function binds(bound: readonly string[]): Finding[] {
  const lacking = ['/etc/slurm', '/run/munge'].filter((path) => !bound.some((one) => contains(one, path)));
  if (lacking.length === 0) return [ok('environment.bind', 'has what Slurm needs inside')];
  const what = `without ${lacking.join(', ')}`;
  return [
    warn(
      'environment.bind',
      what,
      `srun in batch scripts needs them, if they are file systems of their own. ${HINT}`,
    ),
  ];
}

function contains(directory: string, path: string): boolean {
  return path === directory || path.startsWith(`${directory.replace(/\/$/, '')}/`);
}
