/**
 * The processes of a cluster as this process sees them. The supervisor knows them by the pids of its own pid
 * namespace; a reader outside finds them by that namespace (pid_namespaces(7); proc(5), NSpid).
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

export interface HostProcess {
  readonly pid: number;
  readonly parentPid: number;
}

/** By their pids inside. `pidNamespace` is what readlink says of /proc/PID/ns/pid. */
export function processesOf(pidNamespace: string): Map<number, HostProcess> {
  const found = new Map<number, HostProcess>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) !== pidNamespace) continue;
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const inside = Number(/^NSpid:.*?(\d+)$/m.exec(status)?.[1]);
      found.set(inside, { pid, parentPid: Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]) });
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** The process whose arguments begin with `program verb argument`. */
export function findCommand(program: string, verb: string, argument: string): number | undefined {
  const wanted = [program, verb, argument, ''].join('\0');
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    try {
      if (Number.isInteger(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(wanted))
        return pid;
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

/** Whether it runs; one that has ended and waits for its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
