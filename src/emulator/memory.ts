/** Memory of a process as the kernel counts it (proc(5), smaps_rollup). */
import { readFile } from 'node:fs/promises';

export interface ProcessMemory {
  readonly rssBytes: number;
  readonly pssBytes: number;
}

/** Undefined when the process has ended meanwhile. */
export async function readMemory(pid: number): Promise<ProcessMemory | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    const field = (name: string): number =>
      1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
    return { rssBytes: field('Rss'), pssBytes: field('Pss') };
  } catch {
    return undefined;
  }
}
