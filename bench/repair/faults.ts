/** What is done to the nodes of a cluster in the middle of a stream, and undone when the job is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { NETWORK_BITS, UPLINK_INTERFACE } from '../../src/emulator/plan.js';

export const VICTIMS = ['slave', 'proxy', 'group'] as const;
export type Victim = (typeof VICTIMS)[number];

/** Nodes of one group that are struck together. */
export interface Struck {
  readonly cluster: EmbeddedCluster;
  readonly victim: Victim;
  readonly nodes: readonly string[];
  /** Where the group's uplink is. */
  readonly proxy: { readonly name: string; readonly address: string };
}

export interface FaultKind {
  readonly name: string;
  /** For as long as the job runs: those struck are lost. Else they are back in time, and nobody is lost. */
  readonly lasts: boolean;
  /** @param over the job has ended */
  strike(struck: Struck, over: AbortSignal): Promise<void>;
  undo(struck: Struck): Promise<void>;
}

const HALF_PERIOD_MS = 250;

export const FAULT_KINDS: readonly FaultKind[] = [
  // It is started again at once, as a service manager would.
  {
    name: 'killed',
    lasts: false,
    strike: (struck) => signal(struck, 'SIGKILL'),
    undo: () => Promise.resolve(),
  },
  {
    name: 'frozen',
    lasts: true,
    strike: (struck) => signal(struck, 'SIGSTOP'),
    undo: (struck) => signal(struck, 'SIGCONT'),
  },
  {
    // Stopped for half of the time.
    name: 'slowed down',
    lasts: false,
    async strike(struck, over) {
      while (!over.aborted) {
        await signal(struck, 'SIGSTOP');
        await sleep(HALF_PERIOD_MS);
        await signal(struck, 'SIGCONT');
        await sleep(HALF_PERIOD_MS);
      }
    },
    undo: () => Promise.resolve(),
  },
  {
    name: 'cut off',
    lasts: true,
    strike: (struck) => plug(struck, 'off'),
    undo: (struck) => plug(struck, 'on'),
  },
];

/** @param group the proxy node first */
export function choose(victim: Victim, group: readonly string[], random: () => number): readonly string[] {
  if (victim === 'group') return group;
  const candidates = victim === 'proxy' ? group.slice(0, 1) : group.slice(1);
  return candidates.slice(Math.floor(random() * candidates.length)).slice(0, 1);
}

async function signal({ cluster, nodes }: Struck, name: NodeJS.Signals): Promise<void> {
  await Promise.all(nodes.map((node) => cluster.signalNode(node, name)));
}

async function plug({ cluster, victim, nodes, proxy }: Struck, state: 'on' | 'off'): Promise<void> {
  const upOrDown = state === 'on' ? 'up' : 'down';
  if (victim === 'group') return ip(cluster, proxy.name, ['link', 'set', UPLINK_INTERFACE, upOrDown]);
  if (victim === 'slave') return ip(cluster, nodes[0] as string, ['link', 'set', 'eth0', upOrDown]);
  // Its slaves' traffic crosses its bridge, and must go on: the node alone is no more known by its address.
  const address = [`${proxy.address}/${NETWORK_BITS}`, 'dev', 'br0'];
  return ip(cluster, proxy.name, ['address', state === 'on' ? 'add' : 'delete', ...address]);
}

async function ip(cluster: EmbeddedCluster, node: string, words: readonly string[]): Promise<void> {
  const { status, stderr } = await cluster.exec(node, ['ip', ...words]);
  if (status !== 0) throw new Error(`ip ${words.join(' ')} on ${node}: ${stderr}`);
}
