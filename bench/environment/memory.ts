/** What many environments at a time take, by /proc: of their processes, and of the kernel as far as it says so. */
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import type { Memory } from './ways.js';

const KERNEL = ['Slab', 'KernelStack', 'PageTables', 'Percpu'];

export interface Moment {
  readonly processes: ReadonlySet<number>;
  readonly meminfo: Readonly<Record<string, number>>;
}

/** KiB, by name. */
export function parseMeminfo(text: string): Record<string, number> {
  const found = [...text.matchAll(/^(\w+):\s+(\d+) kB$/gm)];
  return Object.fromEntries(found.map(([, name, value]) => [name!, Number(value)]));
}

export function look(): Moment {
  return {
    processes: new Set(processes()),
    meminfo: parseMeminfo(readFileSync('/proc/meminfo', 'utf8')),
  };
}

export interface Ours {
  readonly owns: (uid: number) => boolean;
  /** Programs of root's, by the directories they lie in. */
  readonly directories: readonly string[];
  /** Neither here nor there. */
  readonly without: readonly number[];
}

/** For each of `count`, since `before`. Other work on the machine shows in what is the kernel's. */
export function grownBy(before: Moment, count: number, ours: Ours): Memory {
  const now = look();
  const kib = [...now.processes]
    .filter((pid) => !before.processes.has(pid) && !ours.without.includes(pid) && isOurs(pid, ours))
    .reduce((sum, pid) => sum + proportionalKib(pid), 0);
  const difference = (name: string): number => (now.meminfo[name] ?? 0) - (before.meminfo[name] ?? 0);
  return {
    processes: kib / count,
    kernel: KERNEL.reduce((sum, name) => sum + difference(name), 0) / count,
    available: -difference('MemAvailable') / count,
  };
}

/** The node's ids of processes that run `program` with these last words. */
export function find(program: string, ...last: readonly string[]): number[] {
  return processes().filter((pid) => {
    const words = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)) ?? [];
    return words[0] === program && words.slice(1).join(' ') === last.join(' ');
  });
}

function processes(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** As /proc shows them: those that cannot be looked into belong to root there. */
export function processesOf(uid: number): number[] {
  return processes().filter((pid) => attempt(() => statSync(`/proc/${pid}`).uid) === uid);
}

function isOurs(pid: number, { owns, directories }: Ours): boolean {
  const uid = attempt(() => statSync(`/proc/${pid}`).uid);
  const program = attempt(() => readlinkSync(`/proc/${pid}/exe`)) ?? '';
  return (
    (uid !== undefined && owns(uid)) || directories.some((directory) => program.startsWith(`${directory}/`))
  );
}

function proportionalKib(pid: number): number {
  const text = attempt(() => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? '';
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0);
}

/** Processes come and go. */
export function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
