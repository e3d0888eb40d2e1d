/** How far a job is, for the command that waits for it. Pure. */
import type { ProgressMessage } from '../wire/api.js';
import type { Progress } from '../wire/messages.js';
import { NO_WAITS } from '../wire/waits.js';
import type { PresentWaits } from '../wire/waits.js';
import type { Deployment } from './deployment.js';

const NO_PROGRESS: Progress = { nodes: 0, urgentBytes: 0, hystereticBytes: 0, launched: 0, exited: 0 };

export function progressMessage(
  phase: ProgressMessage['phase'],
  deployment?: Deployment,
  progress = NO_PROGRESS,
  { count, waits }: PresentWaits = NO_WAITS,
): { readonly t: 'progress' } & ProgressMessage {
  // Borrowed proxies take part in carrying, and do not run the command.
  const carriers = deployment ? deployment.tree.names.length - 1 : 0;
  const [longest] = waits;
  return {
    t: 'progress',
    phase,
    ...progress,
    nodes: deployment?.nodes.length ?? 0,
    urgentTotal: (deployment?.urgentBytes ?? 0) * carriers,
    hystereticTotal: (deployment?.hystereticBytes ?? 0) * carriers,
    ...(longest ? { waiting: { count, longest } } : {}),
  };
}
