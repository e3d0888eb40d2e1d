/** The pair that serves a job, as /proc shows it: server and keeper stand in the job's directory. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { until } from './served.js';

export interface PairMember {
  readonly pid: number;
  readonly name: string;
}

export function pairOf(jobDirectory: string): PairMember[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid): PairMember[] => {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) !== jobDirectory) return [];
        const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
        return name === 'tees-serve' || name === 'tees-keep' ? [{ pid: Number(pid), name }] : [];
      } catch {
        return []; // It has ended: what is dead has no directory.
      }
    });
}

/** When there are two, of different roles. */
export function isWhole(members: readonly PairMember[]): boolean {
  return members.length === 2 && members[0]?.name !== members[1]?.name;
}

/**
 * Kills one of them as soon as there are two, and says which it was.
 * @param last who was killed before: who is dying can still be seen for a while
 */
export async function killOne(jobDirectory: string, name: string, last?: number): Promise<number> {
  let members: PairMember[] = [];
  await until('the pair is whole', () => {
    members = pairOf(jobDirectory);
    return isWhole(members) && members.every(({ pid }) => pid !== last);
  });
  const victim = members.find((member) => member.name === name)?.pid as number;
  process.kill(victim, 'SIGKILL');
  return victim;
}

export function statusOf(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(status)?.[1]);
}
