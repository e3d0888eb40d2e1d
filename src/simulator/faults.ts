/** A plan of faults, made from a seed before the run begins, and what each kind does. */
import type { SimulatedNode } from './node.js';
import type { Network } from './network.js';

export const FAULT_KINDS = [
  'break-link',
  'crash',
  'crash-for-ever',
  'power-off',
  'freeze',
  'partition',
  'slow',
  'slow-relay',
  'demand',
  'garble',
  'corrupt',
  'full',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** After these the job ends everywhere, under every loss policy (docs/decisions/0015). */
const FATAL: ReadonlySet<FaultKind> = new Set(['corrupt', 'full']);

export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  /** One, but for a partition. */
  readonly nodes: readonly string[];
  /** Until it is over, where that comes by itself. */
  readonly durationMs: number;
  /** Below 1: which link, or which units. */
  readonly choice: number;
}

export interface PlanOptions {
  readonly random: () => number;
  readonly groups: readonly (readonly string[])[];
  readonly count: number;
  /** In the first so many milliseconds, most of them early. */
  readonly withinMs: number;
  /** Only these. */
  readonly kinds?: readonly FaultKind[];
  /** Whether those that end the job are among them. */
  readonly fatal: boolean;
}

export function isFatal({ kind }: Fault): boolean {
  return FATAL.has(kind);
}

export function planFaults(options: PlanOptions): Fault[] {
  const { random, groups, count, withinMs } = options;
  const kinds = (options.kinds ?? FAULT_KINDS).filter((kind) => options.fatal || !FATAL.has(kind));
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  return Array.from({ length: count }, () => {
    const kind = pick(kinds);
    const group = pick(groups);
    // The proxy node, which carries its group, more often than its share.
    const node = random() < 0.4 ? (group[0] as string) : pick(group);
    const part = random() < 0.5 ? group : group.filter(() => random() < 0.5);
    return {
      atMs: random() ** 2 * withinMs,
      kind,
      nodes: kind === 'partition' && part.length > 0 ? part : [node],
      durationMs: 50 + 25_000 * random() ** 3,
      choice: random(),
    };
  }).sort((a, b) => a.atMs - b.atMs);
}

export function describeFault({ atMs, kind, nodes, durationMs }: Fault): string {
  return `${atMs.toFixed(0).padStart(7)} ms  ${kind} ${nodes.join(',')} (${durationMs.toFixed(0)} ms)`;
}

export interface Field {
  readonly network: Network;
  readonly nodes: ReadonlyMap<string, SimulatedNode>;
  readonly unitCount: number;
}

type Effect = (fault: Fault, node: SimulatedNode, field: Field) => void;

const EFFECTS: Readonly<Record<FaultKind, Effect>> = {
  'break-link': ({ choice }, { host }) => {
    const ends = [...host.ends];
    ends[Math.floor(choice * ends.length)]?.cut();
  },
  crash: ({ durationMs }, node, { network }) => {
    node.crash();
    network.events.after(durationMs / 3, () => node.restart());
  },
  'crash-for-ever': (_fault, node) => {
    node.crash();
    node.isAbandoned = true;
  },
  'power-off': (_fault, node) => node.powerOff(),
  freeze: ({ durationMs }, { host }, { network }) => network.events.after(durationMs, network.freeze(host)),
  partition: ({ nodes, durationMs }, _node, { network }) =>
    network.events.after(durationMs, network.partition(nodes.map((name) => network.host(name)))),
  slow: ({ durationMs, choice }, { host }, { network }) => {
    const factor = 1 + 100 * choice;
    const ends = [...host.ends].flatMap((end) => [end, end.other]);
    for (const end of ends) end.slowness = factor;
    network.events.after(durationMs, () => {
      for (const end of ends) end.slowness = 1;
    });
  },
  // For good: one half passes on little, the other gets little, too.
  'slow-relay': ({ choice }, { host }) => {
    const factor = 1 + 200 * choice;
    host.slowness = { out: factor, in: choice < 0.5 ? 1 : factor };
  },
  demand: ({ choice }, node, { unitCount }) => {
    const first = Math.floor(choice * unitCount);
    node.want(first, 1 + (Math.floor(choice * 1000) % (unitCount - first)));
  },
  garble: ({ choice }, { host }) => {
    const ends = [...host.ends];
    ends[Math.floor(choice * ends.length)]?.close(true);
  },
  corrupt: (_fault, { name }, { network }) => void network.corrupts.add(name),
  full: ({ choice }, node, { unitCount }) => node.limitStore(Math.floor(choice * unitCount)),
};

export function applyFault(fault: Fault, field: Field): void {
  const node = field.nodes.get(fault.nodes[0] as string);
  if (node) EFFECTS[fault.kind](fault, node, field);
}
