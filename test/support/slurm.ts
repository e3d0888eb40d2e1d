/** What tests of an embedded cluster with Slurm ask of it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { StateDirectory } from '../../src/emulator/state-directory.js';
import type { Test } from './cluster-tests.js';
import { enter } from './environments.js';
import type { Person } from './environments.js';

const DEADLINE_MS = 90_000;
const POLL_MS = 200;

/** As an administrator, on a node that is there. */
export async function ask(cluster: EmbeddedCluster, ...argv: string[]): Promise<string> {
  const { nodes } = await cluster.status();
  const { stdout, stderr } = await cluster.exec(nodes.find(({ state }) => state === 'up')!.name, argv);
  return (stdout + stderr).trim();
}

/** A script in this user's environment, as the user; it succeeds. @returns what it prints */
export function insideAs(user: Person): (t: Test, script: string) => Promise<string> {
  return async (t, script) => {
    const { status, stdout, stderr } = await enter(t.context.cluster, user, script);
    t.is(status, 0, stderr);
    return stdout.trim();
  };
}

/** What is not as it should be when all jobs are over, once it is, or after a while. */
export async function whatIsLeft(cluster: EmbeddedCluster): Promise<string[]> {
  let left: string[] = [];
  for (const end = Date.now() + DEADLINE_MS; ; await sleep(POLL_MS)) {
    const queue = await ask(cluster, 'squeue', '--noheader');
    left = [...(queue ? [queue] : []), ...(await notIdle(cluster)), ...(await ofJobs(cluster))];
    if (left.length === 0 || Date.now() > end) return left;
  }
}

async function notIdle(cluster: EmbeddedCluster): Promise<string[]> {
  const lines = (await ask(cluster, 'sinfo', '--noheader', '--Node', '--format=%N %T %E')).split('\n');
  return lines.map((line) => line.trim()).filter((line) => !line.endsWith(' idle none'));
}

/** Directories and mounts of jobs on nodes; their stores are seen from there alone. */
async function ofJobs(cluster: EmbeddedCluster): Promise<string[]> {
  const looks = cluster.nodes.map(async (node) => {
    const { store } = new StateDirectory(cluster.stateDirectory).node(node);
    const script = `ls ${join(store, 'jobs')}; grep -c overlay /proc/mounts; true`;
    const { stdout } = await cluster.exec(node, ['sh', '-c', script]);
    const found = stdout
      .trim()
      .split('\n')
      .filter((line) => line !== '' && line !== '0');
    return found.map((what) => `${node}: ${what}`);
  });
  return (await Promise.all(looks)).flat();
}

/** A job's identifier by Slurm, as sbatch says it. */
export function jobOf(said: string): string {
  return /Submitted batch job (\d+)/.exec(said)?.[1] ?? '';
}

export function doorOf(cluster: EmbeddedCluster, node: string): string {
  return join(new StateDirectory(cluster.stateDirectory).node(node).runtime, 'tasks.sock');
}
