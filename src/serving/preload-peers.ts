/**
 * Who asks on a preload hook's socket, by the kernel's word alone: a process of the job's user, in the job's
 * environment. A job's first process is the launcher's, belongs to root and cannot be imitated; whoever descends from
 * it belongs to the job. The device of its root file system tells the job's files from all others.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { ANCESTORS_MAX } from '../base/limits.js';
import type { PeerCredentials } from '../base/native.js';
import type { JobIdentity } from './hook.js';

/** The device of the environment's overlay. */
export interface EnvironmentDevice {
  readonly major: number;
  readonly minor: number;
}

/** @returns undefined for whoever is not of this job */
export function deviceOfPeer(peer: PeerCredentials, job: JobIdentity): EnvironmentDevice | undefined {
  if (peer.uid !== job.uid) return undefined;
  try {
    const first = firstOfEnvironment(peer.pid);
    return first === undefined ? undefined : overlayOf(first, job.source);
  } catch {
    return undefined; // It has ended meanwhile.
  }
}

/** The last ancestor that is not yet in this daemon's own process namespace. */
function firstOfEnvironment(pid: number): number | undefined {
  const outside = readlinkSync('/proc/self/ns/pid');
  for (let step = 0, at = pid; step < ANCESTORS_MAX; step++) {
    const parent = parentOf(at);
    if (parent === 0) return undefined;
    if (readlinkSync(`/proc/${parent}/ns/pid`) === outside) return at;
    at = parent;
  }
  return undefined;
}

/** proc_pid_stat(5): the name, in parentheses, may hold anything. */
function parentOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

/** proc_pid_mountinfo(5): `ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS … - TYPE SOURCE OPTIONS`. */
function overlayOf(pid: number, source: string): EnvironmentDevice | undefined {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'latin1').split('\n');
  for (const line of lines) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device = '', , point] = before.split(' ');
    const [type, from] = after.split(' ');
    if (point !== '/' || type !== 'overlay' || from !== source) continue;
    const [major, minor] = device.split(':').map(Number);
    return { major: major as number, minor: minor as number };
  }
  return undefined;
}
