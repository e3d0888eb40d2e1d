/** What the owner and the starting supervisor say to each other, and on which descriptors. */
import type { ErrorRecord } from '../base/errors.js';
import type { Progress } from './options.js';

/** Supervisor to owner: lines of `StartReport`. */
export const REPORT_FD = 3;
/** Owner to supervisor: the specification as JSON, then end of file. */
export const SPECIFICATION_FD = 4;
/** Owner to tees-init: end of file stops the cluster, LET_GO makes it its own owner (native/init/supervise.c). */
export const OWNER_FD = 5;
export const LET_GO = 'd';

export type StartReport =
  { readonly progress: Progress } | { readonly error: ErrorRecord } | { readonly ready: true };
