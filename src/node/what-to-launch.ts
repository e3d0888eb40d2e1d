/** A job's task on this node, and the environment around it, as the launcher is told of them. Pure. */
import { LEARNT_START_MAX_MS } from '../base/limits.js';
import type { Allowance } from '../config/allowances.js';
import type { EnvironmentSpec, JobDirectories, TaskSpec } from '../environment/environment.js';
import type { ServingUse } from '../serving/hooks.js';
import { preloadDirectory, preloadVariables } from '../serving/preload.js';
import type { JobSpec } from '../wire/job.js';

export interface LaunchInput {
  readonly spec: JobSpec;
  /** This one's name. */
  readonly node: string;
  readonly bind: readonly string[];
  readonly allow: readonly Allowance[];
  readonly memoryBytes?: number;
  readonly processes?: number;
  readonly hidden: readonly string[];
  readonly directories: JobDirectories;
  readonly use: ServingUse;
  /** Everything has arrived. */
  readonly complete: boolean;
}

export function whatToLaunch(input: LaunchInput): { environment: EnvironmentSpec; task: TaskSpec } {
  const { spec, node, bind, allow, memoryBytes, processes, hidden, directories, use, complete } = input;
  const { argv, cwd, uid, gid, groups } = spec;
  const env = { ...spec.env, TEES_JOB: spec.job, TEES_NODE: node };
  const isPreload = use.hook === 'preload';
  const environment = {
    directories,
    layout: use.layout,
    bind,
    allow,
    // By the node's name: those of an embedded cluster have one kernel.
    limits: { root: `tees-jobs.${node}`, name: spec.job, memoryBytes, processes },
    hidden,
    ...(isPreload ? { hookDirectory: preloadDirectory(directories.served) } : {}),
    identity: { uid, gid, groups },
    ...(spec.tracedNodes.includes(node) ? { traceMs: LEARNT_START_MAX_MS } : {}),
  };
  // When everything is there, as it is for a command that the library does not reach, nothing waits.
  const task = { argv, env: isPreload && !complete ? preloadVariables(env) : env, cwd };
  return { environment, task: spec.resident ? { ...task, resident: true } : task };
}
