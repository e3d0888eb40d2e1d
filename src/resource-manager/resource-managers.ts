/** Which nodes a command means: those it names, or else those of the job that it runs in. */
import { TeesError, usageError } from '../base/errors.js';
import { foldHostlist } from '../topology/hostlist.js';
import { pbs } from './pbs.js';
import type { Allocation, ResourceManager } from './resource-manager.js';
import { slurm } from './slurm.js';

export const RESOURCE_MANAGERS: readonly ResourceManager[] = [slurm, pbs];

/** @throws TeesError RESOURCE_MANAGER_UNKNOWN */
export function managerNamed(name: string): ResourceManager {
  const found = RESOURCE_MANAGERS.find((manager) => manager.name.toLowerCase() === name);
  if (found) return found;
  throw new TeesError('RESOURCE_MANAGER_UNKNOWN', `there is no resource manager '${name}'`);
}

/** Of the first manager that knows of one. */
export function allocationOf(environment: NodeJS.ProcessEnv): Allocation | undefined {
  for (const manager of RESOURCE_MANAGERS) {
    const allocation = manager.allocation(environment);
    if (allocation) return allocation;
  }
  return undefined;
}

/** @throws TeesError NODES_MISSING */
export function nodesFor(named: string | undefined, environment: NodeJS.ProcessEnv): string {
  if (named !== undefined) return named;
  const allocation = allocationOf(environment);
  if (allocation) return foldHostlist(allocation.nodes);
  const names = RESOURCE_MANAGERS.map(({ name }) => name).join(' or ');
  throw usageError('NODES_MISSING', 'there are no nodes to run on', {
    hint: `Name them: --nodes 'cn[0-3]'. In a job of ${names} they are the job's.`,
  });
}
