/**
 * Whether a task ends, as /proc shows it: launcher, PID 1 of the environment, task. A task whose fatal signal is
 * pending, and a PID 1 that has seen its task end, may both wait for a process that the kernel cannot end yet.
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** signal(7): those that end no process by default. */
const HARMLESS = [
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGWINCH',
] as const;
const HARMLESS_MASK = HARMLESS.reduce((mask, name) => mask | bit(constants.signals[name]), 0n);
const KILL_MASK = bit(constants.signals.SIGKILL);
/** The task is the first that PID 1 starts. */
const TASK_PID_INSIDE = '2';

/** False also where the kernel does not list children (CONFIG_PROC_CHILDREN). */
export function taskIsEnding(launcherPid: number): boolean {
  try {
    const [init] = childrenOf(launcherPid);
    if (init === undefined) return true;
    const task = childrenOf(init)
      .map(statusOf)
      .find((status) => status.get('NSpid')?.split('\t').at(-1) === TASK_PID_INSIDE);
    return task === undefined || isDoomed(task);
  } catch {
    return false;
  }
}

/** PID 1 of the environment: undefined when it is no more, or the kernel does not list children. */
export function initOf(launcherPid: number): number | undefined {
  try {
    return childrenOf(launcherPid)[0];
  } catch {
    return undefined;
  }
}

/** proc_pid_status(5): a signal is pending that is neither caught, ignored nor blocked and ends a process. */
function isDoomed(status: ReadonlyMap<string, string>): boolean {
  const mask = (name: string): bigint => BigInt(`0x${status.get(name) ?? '0'}`);
  const pending = mask('SigPnd') | mask('ShdPnd');
  const survived = mask('SigBlk') | mask('SigIgn') | mask('SigCgt') | HARMLESS_MASK;
  return (pending & (KILL_MASK | ~survived)) !== 0n;
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function statusOf(pid: number): ReadonlyMap<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'latin1').split('\n');
  return new Map(lines.map((line) => line.split(':\t') as [string, string]));
}

function bit(signal: number): bigint {
  return 1n << BigInt(signal - 1);
}
