/** What a job's parents tell its nodes about it, from what was asked for and what was decided. Pure. */
import { TRACED_NODES_MAX } from '../base/limits.js';
import { NODE_DEFAULT } from '../serving/hooks.js';
import type { JobSpec } from '../wire/job.js';
import type { RunRequest } from '../wire/api.js';
import type { ResidentSpec } from '../wire/resident.js';
import { placementOf } from './carried.js';
import type { Deployment } from './deployment.js';
import type { StallSettings } from './stall-policies.js';

export interface JobDecision {
  readonly name: string;
  /** Whose the tasks are. */
  readonly user: Pick<JobSpec, 'uid' | 'gid' | 'groups'>;
  readonly request: RunRequest;
  readonly stall: StallSettings;
  readonly deployment: Deployment;
  readonly resident?: ResidentSpec | undefined;
}

/** The first, the last, and one between: their parts in a program may differ. */
function tracedNodes(nodes: readonly string[]): string[] {
  const sample = Array.from({ length: TRACED_NODES_MAX }, (_, i) =>
    nodes.at(Math.floor((i * (nodes.length - 1)) / (TRACED_NODES_MAX - 1))),
  );
  return [...new Set(sample)] as string[];
}

export function jobSpec({
  name,
  user,
  request,
  stall,
  deployment,
  resident,
}: JobDecision): Omit<JobSpec, 'subtree'> {
  const { uid, gid, groups } = user;
  const placement = placementOf(request, deployment.source.manifest);
  return {
    job: name,
    uid,
    gid,
    groups,
    argv: request.argv,
    // What asks for an environment is one task of many: each has the variables that its own step gives it.
    env: { ...(resident ? {} : request.env), TEES_NODELIST: request.nodes },
    cwd: request.cwd,
    inputNode: deployment.nodes[0] ?? (deployment.tree.names[1] as string),
    tracedNodes: request.learn && !resident ? tracedNodes(deployment.nodes) : [],
    hook: request.hook ?? NODE_DEFAULT,
    fuseEngine: request.fuseEngine ?? NODE_DEFAULT,
    layout: request.layout ?? NODE_DEFAULT,
    demand: request.demand,
    stallDeadlineMs: stall.deadlineMs,
    onStall: stall.policy,
    documentLengths: deployment.document.pieces.map(({ length }) => length),
    documentDigests: deployment.document.digests,
    contentBytes: deployment.urgentBytes + deployment.hystereticBytes,
    ...(deployment.storage ? { storage: deployment.storage } : {}),
    ...(placement ? { placement } : {}),
    ...(resident ? { resident } : {}),
    epoch: 0,
  };
}
