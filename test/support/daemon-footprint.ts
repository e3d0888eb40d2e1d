/** What the daemons of a cluster hold on this host: memory, descriptors, mounts, and processes beside them. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';

export interface Footprint {
  readonly residentBytes: number;
  readonly descriptors: number;
  readonly mounts: number;
  /** In the node's network namespace, the daemon among them. */
  readonly processes: number;
}

/** By the names of the nodes, the login node's too. */
export async function footprints(cluster: EmbeddedCluster): Promise<Map<string, Footprint>> {
  const { nodes } = await cluster.status();
  const networks = networkNamespaces();
  return new Map(nodes.map(({ name, pid }) => [name, footprintOf(pid as number, networks)]));
}

function footprintOf(pid: number, networks: readonly string[]): Footprint {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const network = networkOf(String(pid));
  return {
    residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    mounts: readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').length,
    processes: networks.filter((other) => other === network).length,
  };
}

function networkNamespaces(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => networkOf(pid) ?? []);
}

function networkOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined; // It has gone.
  }
}
