/** Somebody without privileges, whom the node knows by name and who has subordinate ids, for as long as the trial takes. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TeesError } from '../../src/base/errors.js';
import type { TrialContext } from '../trial.js';
import { attempt, processesOf } from './memory.js';

const run = promisify(execFile);
const LOOK_INTERVAL_MS = 50;

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
  /** Whether an id of the node is the user's or a subordinate one. */
  readonly owns: (uid: number) => boolean;
}

/** @throws TeesError USER_NOT_MADE */
export async function makeUser(context: TrialContext, home: string): Promise<User> {
  const name = `teesbench${process.pid}`;
  try {
    await run('useradd', ['--no-create-home', '--home-dir', home, '--shell', '/bin/sh', name]);
  } catch (cause) {
    throw new TeesError('USER_NOT_MADE', `a user ${name} could not be added to this node`, {
      cause,
      hint: 'Environments belong to somebody whom the node knows by name: useradd(8) must work.',
    });
  }
  const uid = Number((await run('id', ['-u', name])).stdout);
  context.cleanup.push('the user', async () => {
    await endAll(uid);
    await run('userdel', [name]);
  });
  mkdirSync(home, { mode: 0o755 });
  await run('chown', [`${name}:`, home]);
  const ranges = rangesOf(name);
  const owns = (id: number): boolean =>
    id === uid || ranges.some(([first, count]) => id >= first && id < first + count);
  return { name, uid, home, owns };
}

/** What is still there of the user's: podman goes on cleaning up behind its command. */
async function endAll(uid: number): Promise<void> {
  for (let left = processesOf(uid); left.length > 0; left = processesOf(uid)) {
    for (const pid of left) attempt(() => process.kill(pid, 'SIGKILL'));
    await delay(LOOK_INTERVAL_MS);
  }
}

function rangesOf(name: string): [number, number][] {
  const lines = readFileSync('/etc/subuid', 'utf8').split('\n');
  return lines
    .filter((line) => line.startsWith(`${name}:`))
    .map((line) => line.split(':').slice(1).map(Number)) as [number, number][];
}

/** Before a program of the user's: nothing of root's environment comes along. */
export function asUser(user: User, directory: string): string[] {
  const variables = {
    HOME: user.home,
    USER: user.name,
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C.UTF-8',
    XDG_RUNTIME_DIR: `${directory}/podman/run`,
  };
  return [
    ...['setpriv', `--reuid=${user.name}`, `--regid=${user.name}`, '--init-groups', 'env', '-i'],
    ...Object.entries(variables).map(([key, value]) => `${key}=${value}`),
  ];
}
