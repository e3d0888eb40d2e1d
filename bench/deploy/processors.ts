/** What work a stretch of time took of the processors: of a cluster's processes, and of the whole machine. */
import { readFileSync, readlinkSync } from 'node:fs';
import { processesOf } from '../../src/emulator/host-processes.js';

/** sysconf(_SC_CLK_TCK), which is this on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessorUse {
  /** Of all processes of one pid namespace since it began, those that have ended included. */
  readonly clusterSeconds: number;
  readonly machineBusy: number;
  readonly machineAll: number;
}

/** @param pid of any process in the cluster's pid namespace */
export function readProcessorUse(pid: number): ProcessorUse {
  const processes = processesOf(readlinkSync(`/proc/${pid}/ns/pid`));
  const ticks = [...processes.values()].map((one) => ticksOf(one.pid));
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const { busy, all } = parseMachine(first);
  const sum = ticks.reduce((total, value) => total + value, 0);
  return { clusterSeconds: sum / TICKS_PER_SECOND, machineBusy: busy, machineAll: all };
}

function ticksOf(pid: number): number {
  try {
    return parseTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return 0; // It has ended meanwhile; its parent has its ticks.
  }
}

/** proc_pid_stat(5): user and system time, its own and that of children that it has waited for. */
export function parseTicks(stat: string): number {
  // The name in parentheses may have anything in it; the third field follows.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, value) => sum + Number(value), 0);
}

/** proc_stat(5), the line of all processors: idle, and waiting for a disk, is not busy. */
export function parseMachine(line: string): { busy: number; all: number } {
  // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, value) => sum + value, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}
