/**
 * Starts a task in a new environment, or finds one that an earlier daemon has started: makes the plan, starts the
 * launcher, hears what becomes of it. Nothing here waits for the launcher in the way of the event loop: what the
 * launcher opens may be served by this very process.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, statSync } from 'node:fs';
import { constants as system } from 'node:os';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TeesError } from '../base/errors.js';
import { launcherPath } from '../base/native.js';
import type { JobDirectories, Launch, RunningTask } from './environment.js';
import { LauncherLink } from './launcher-link.js';
import { encodePlan, planEnvironment } from './plan.js';

const CONTROL_FD = 3;
/** SOCKET_NAME and LAUNCHED_NAME of native/launch/launch.h. */
const SOCKET_NAME = 'launch.sock';
const LAUNCHED_NAME = 'launched';
/** Nobody listens there (any more). */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

export const launch: Launch = async (environment, task, options = {}) => {
  const plan = encodePlan(planEnvironment(environment, task));
  const launcher = start(environment.directories.root, task.argv[0] as string, plan);
  const abort = (): void => launcher.kill();
  options.abort?.addEventListener('abort', abort, { once: true });
  try {
    if (options.abort?.aborted) launcher.kill();
    if ((await launcher.started) === 'running') return launcher;
    throw endedEarly((await launcher.exit).status);
  } catch (error) {
    launcher.release();
    throw error;
  } finally {
    options.abort?.removeEventListener('abort', abort);
  }
};

/**
 * The task that an earlier daemon has launched here: running, or ended and not released. Undefined when none was
 * launched, or its launcher was killed and the task with it (`wasLaunched` tells which).
 * @param command as the user typed it
 * @throws TeesError as `launch`, when its program could not be run
 */
export async function adopt(directories: JobDirectories, command: string): Promise<RunningTask | undefined> {
  const socket = await connectTo(directories.root);
  if (!socket) return undefined;
  const launcher = new LauncherLink(socket, command);
  try {
    return (await launcher.started) === 'running' ? launcher : undefined;
  } catch (error) {
    launcher.release();
    throw error;
  }
}

/** What an earlier daemon has launched, whatever has become of it, so that it can be ended. */
export async function findLauncher({ root }: JobDirectories): Promise<RunningTask | undefined> {
  const socket = await connectTo(root);
  return socket && new LauncherLink(socket, '');
}

/** Whether a task was launched in these directories, whatever became of it: none is launched there again. */
export function wasLaunched({ root }: JobDirectories): boolean {
  return existsSync(`${root}/${LAUNCHED_NAME}`);
}

/** How long ago the task was launched here, in milliseconds by the wall clock; 0 when none was. */
export function launchedSinceMs({ root }: JobDirectories): number {
  const launched = statSync(`${root}/${LAUNCHED_NAME}`, { throwIfNoEntry: false });
  return launched ? Math.max(0, Date.now() - launched.mtimeMs) : 0;
}

function start(directory: string, command: string, plan: Buffer): LauncherLink {
  const child = spawn(launcherPath(), [directory], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: {},
    cwd: '/',
    // A session of its own: a terminal's Ctrl-C is the daemon's business.
    detached: true,
  });
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(statusOf(code, signal)));
    child.once('error', () => resolve(1));
  });
  const control = child.stdio[CONTROL_FD] as Duplex;
  // It may outlive this process, which waits for its end only when it has hung up.
  child.unref();
  control.once('close', () => child.ref());
  const launcher = new LauncherLink(control, command, ended);
  child.once('error', (cause) => launcher.fail(cannotStart(cause)));
  control.write(plan);
  return launcher;
}

/** By way of a descriptor: the path itself may be longer than a socket's may be. */
async function connectTo(directory: string): Promise<Socket | undefined> {
  let fd: number;
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
  const socket = createConnection(`/proc/self/fd/${fd}/${SOCKET_NAME}`);
  try {
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return socket;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (NOBODY.has(code)) return undefined;
    throw TeesError.from(error, 'ENVIRONMENT_FAILED', { path: directory });
  } finally {
    closeSync(fd);
  }
}

function statusOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (signal !== null) return 128 + system.signals[signal];
  return code ?? 1;
}

function cannotStart(cause: Error): TeesError {
  return new TeesError('ENVIRONMENT_FAILED', `cannot start the launcher: ${cause.message}`, {
    path: launcherPath(),
    cause,
    hint: 'Build it with: npm run build:native',
  });
}

function endedEarly(status: number): TeesError {
  return new TeesError(
    'ENVIRONMENT_FAILED',
    `the environment ended before its program ran (status ${status})`,
  );
}
