/** What the launcher has written down of a task's start: native/launch/trace.h. */
import { readFile } from 'node:fs/promises';
import type { Log } from '../base/log.js';
import type { JobDirectories } from '../environment/environment.js';
import type { JobSpec } from '../wire/job.js';
import type { OpenedFile } from '../wire/opened.js';
import { parseOpened } from '../wire/opened.js';

/** TRACE_NAME of native/launch/trace.h. */
const TRACE_NAME = 'opens';

interface Traced {
  readonly spec: Pick<JobSpec, 'job' | 'tracedNodes'>;
  /** This one's name. */
  readonly node: string;
  readonly log: Log;
}

/** Undefined when nothing was traced: nobody had asked for it, or the kernel cannot. */
export async function readTrace(
  { root }: JobDirectories,
  { spec, node, log }: Traced,
): Promise<OpenedFile[] | undefined> {
  try {
    return parseOpened(await readFile(`${root}/${TRACE_NAME}`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (spec.tracedNodes.includes(node))
      log.info(`job ${spec.job}: what it opens could not be traced; only its waits are learnt from`);
    return undefined;
  }
}
