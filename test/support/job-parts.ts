/** Jobs as parents tell them, for tests that look at what happens between neighbours. */
import { DIGEST_SIZE_BYTES } from '../../src/base/limits.js';
import type { JobSpec, Subtree } from '../../src/wire/job.js';

/** Its document is one piece of one byte. */
export const SPEC: Omit<JobSpec, 'subtree'> = {
  ...{
    job: 'j',
    uid: 1,
    gid: 1,
    groups: [],
    argv: ['a'],
    env: {},
    cwd: '/',
    inputNode: 'a',
    tracedNodes: [],
  },
  ...{
    hook: 'fuse',
    fuseEngine: 'tees',
    layout: 'stacked',
    demand: true,
    stallDeadlineMs: 1,
    onStall: 'wait',
  },
  ...{ documentLengths: [1], documentDigests: Buffer.alloc(DIGEST_SIZE_BYTES), contentBytes: 0, epoch: 0 },
};

export const leaf = (name: string, ...children: Subtree[]): Subtree => ({
  name,
  runs: true,
  known: false,
  children,
});
