/** What is done to the nodes of a cluster in the middle of a stream, and undone when the job is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';

/** Which nodes a fault strikes: those of group `g`, the proxy node first. */
type Choose = (group: readonly string[], random: () => number) => readonly string[];

export interface Fault {
  readonly name: string;
  readonly choose: Choose;
  /** For as long as the job runs: those struck are lost, and nobody else. */
  readonly lasts: boolean;
  strike(cluster: EmbeddedCluster, node: string, over: AbortSignal): Promise<void>;
  undo(cluster: EmbeddedCluster, node: string): Promise<void>;
}

const HALF_PERIOD_MS = 250;

const proxy: Choose = (group) => group.slice(0, 1);
const slave: Choose = (group, random) => {
  const slaves = group.slice(1);
  return slaves.slice(Math.floor(random() * slaves.length)).slice(0, 1);
};
const everybody: Choose = (group) => group;

const nothing = (): Promise<void> => Promise.resolve();
/** It is started again at once, as a service manager would. */
const kill = {
  lasts: false,
  strike: (cluster: EmbeddedCluster, node: string) => cluster.signalNode(node, 'SIGKILL'),
  undo: nothing,
};
const freeze = {
  lasts: true,
  strike: (cluster: EmbeddedCluster, node: string) => cluster.signalNode(node, 'SIGSTOP'),
  undo: (cluster: EmbeddedCluster, node: string) => cluster.signalNode(node, 'SIGCONT'),
};
const cut = {
  lasts: true,
  strike: (cluster: EmbeddedCluster, node: string) => plug(cluster, node, 'down'),
  undo: (cluster: EmbeddedCluster, node: string) => plug(cluster, node, 'up'),
};
const slow = {
  lasts: false,
  async strike(cluster: EmbeddedCluster, node: string, over: AbortSignal) {
    while (!over.aborted) {
      await cluster.signalNode(node, 'SIGSTOP');
      await sleep(HALF_PERIOD_MS);
      await cluster.signalNode(node, 'SIGCONT');
      await sleep(HALF_PERIOD_MS);
    }
  },
  undo: nothing,
};

export const FAULTS: readonly Fault[] = [
  { name: 'slave killed, started again', choose: slave, ...kill },
  { name: 'proxy killed, started again', choose: proxy, ...kill },
  { name: 'slave frozen', choose: slave, ...freeze },
  { name: 'proxy frozen', choose: proxy, ...freeze },
  { name: 'slave cut off', choose: slave, ...cut },
  { name: 'proxy stopped half of the time', choose: proxy, ...slow },
  { name: 'whole group frozen', choose: everybody, ...freeze },
];

async function plug(cluster: EmbeddedCluster, node: string, state: 'up' | 'down'): Promise<void> {
  const { status, stderr } = await cluster.exec(node, ['ip', 'link', 'set', 'eth0', state]);
  if (status !== 0) throw new Error(`ip link set eth0 ${state} on ${node}: ${stderr}`);
}
