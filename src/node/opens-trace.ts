/** What the launcher has written down of a task's start: native/launch/trace.h. */
import { readFile } from 'node:fs/promises';
import type { JobDirectories } from '../environment/environment.js';
import type { OpenedFile } from '../wire/opened.js';
import { parseOpened } from '../wire/opened.js';

/** TRACE_NAME of native/launch/trace.h. */
const TRACE_NAME = 'opens';

/** Undefined when nothing was traced: nobody had asked for it, or the kernel cannot. */
export async function readTrace({ root }: JobDirectories): Promise<OpenedFile[] | undefined> {
  try {
    return parseOpened(await readFile(`${root}/${TRACE_NAME}`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
