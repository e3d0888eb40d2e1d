/** Jobs of a test's cluster whose reads wait, as the login daemon tells them; and what makes them wait longer. */
import { askDaemon, daemonSocket } from '../../src/cli/ask-daemon.js';
import type { JobStatus } from '../../src/wire/jobs.js';
import type { Test } from './cluster-tests.js';
import { eventually } from './tees.js';

/** Without a process of its own: it is asked again and again. */
export async function jobStatus(t: Test): Promise<JobStatus[]> {
  const socket = daemonSocket({ cluster: t.context.cluster.stateDirectory });
  const { body } = await askDaemon(socket, { t: 'status' });
  return JSON.parse(body.toString()) as JobStatus[];
}

/** As soon as so many reads of the one job wait. */
export function waitingJob(t: Test, reads: number): Promise<JobStatus> {
  return eventually(`${reads} waiting reads`, async () => {
    const [job] = await jobStatus(t);
    return job?.stream && job.stream.waiting >= reads ? job : undefined;
  });
}

/** The uplink of a proxy node's group: nothing comes while it is down. */
export async function setUplink(t: Test, proxy: string, state: 'up' | 'down'): Promise<void> {
  const { status, stderr } = await t.context.cluster.exec(proxy, ['ip', 'link', 'set', 'up0', state]);
  t.is(status, 0, stderr);
}

/** Kills a node's daemon; resolves when the next one serves. */
export async function killDaemon(t: Test, node: string, meanwhile: () => void = () => {}): Promise<void> {
  const { cluster } = t.context;
  const restarts = async (): Promise<number> => {
    const { nodes } = await cluster.status();
    const found = nodes.find(({ name, state }) => name === node && state === 'up');
    return found?.restarts ?? -1;
  };
  const before = await restarts();
  await cluster.signalNode(node, 'SIGKILL');
  meanwhile();
  await eventually(`${node} is up again`, async () => (await restarts()) > before);
}
