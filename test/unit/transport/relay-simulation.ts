/** A tree of relay machines in one process, with a network whose timing a seed decides. */
import { RelayMachine } from '../../../src/transport/relay-machine.js';
import type { RelayAction } from '../../../src/transport/relay-machine.js';

export function machine(children: readonly string[], pieces = 1, window = 4): RelayMachine {
  const relay = new RelayMachine({ pieceCount: pieces, windowUnits: window });
  for (const child of children) relay.attach(child);
  return relay;
}

export function sends(actions: readonly RelayAction[]): [string, number][] {
  return actions.flatMap((action) =>
    action.kind === 'send' ? [[action.child, action.unit] as [string, number]] : [],
  );
}

/** Messages keep their order on each link; between links the seed decides. */
class Network {
  readonly #links = new Map<string, (() => void)[]>();

  post(link: string, deliver: () => void): void {
    const queue = this.#links.get(link) ?? [];
    queue.push(deliver);
    this.#links.set(link, queue);
  }

  run(choose: (n: number) => number): void {
    for (let steps = 0; this.#links.size > 0; steps++) {
      if (steps > 100_000) throw new Error('the simulation does not end');
      const [link, queue] = [...this.#links][choose(this.#links.size)] as [string, (() => void)[]];
      const deliver = queue.shift() as () => void;
      if (queue.length === 0) this.#links.delete(link);
      deliver();
    }
  }
}

export interface Want {
  readonly node: number;
  /** [first, count, …] */
  readonly ranges: readonly number[];
}

export interface Simulation {
  /** By node; the root, 0, has none. */
  readonly parents: readonly number[];
  readonly chunkCount: number;
  /** Said at any moment, also before the node knows anything. */
  readonly wants: readonly Want[];
  /** A number below n. */
  readonly choose: (n: number) => number;
}

export interface Outcome {
  readonly delivered: boolean[];
  /** What each node was sent, in order. */
  readonly sent: number[][];
  /** Ranges asked for on each node's link upwards. */
  readonly asked: number[][];
}

/** Throws when a machine sends what it does not hold, sends or asks for anything twice, or asks for what it holds. */
export function simulate({ parents, chunkCount, wants, choose }: Simulation): Outcome {
  const childrenOf = (node: number): string[] =>
    parents.flatMap((p, c) => (p === node && c > 0 ? [String(c)] : []));
  const nodes = parents.map((_, node) => machine(childrenOf(node), 1, 2));
  const held = parents.map(() => new Set<number>());
  const sent = parents.map(() => [] as number[]);
  const asked = parents.map(() => [] as number[]);
  const askedUnits = parents.map(() => new Set<number>());
  const delivered = parents.map(() => false);
  const order = Array.from({ length: chunkCount }, (_, i) => chunkCount - 1 - i);
  const network = new Network();
  const at = (node: number): RelayMachine => nodes[node] as RelayMachine;

  const receive = (node: number, unit: number): void => {
    held[node]?.add(unit);
    perform(node, at(node).unitHeld(unit));
    if (unit !== 0) return;
    const actions = at(node).setOrder(order);
    if (node > 0) tell(node);
    perform(node, actions);
  };
  /** It has read the document. */
  const tell = (node: number): void => {
    const [parent, ranges] = [parents[node] as number, at(node).held()];
    network.post(`${node} up`, () => perform(parent, at(parent).childHas(String(node), ranges, true)));
  };
  const ask = (node: number, ranges: readonly number[]): void => {
    asked[node]?.push(...ranges);
    for (let i = 0; i < ranges.length; i += 2) {
      for (let unit = ranges[i] as number; unit < (ranges[i] as number) + (ranges[i + 1] as number); unit++) {
        if (held[node]?.has(unit)) throw new Error(`${node} asked for unit ${unit} that it holds`);
        if (askedUnits[node]?.has(unit)) throw new Error(`${node} asked for unit ${unit} twice`);
        askedUnits[node]?.add(unit);
      }
    }
    const parent = parents[node] as number;
    network.post(`${node} up`, () => perform(parent, at(parent).want(ranges, String(node))));
  };
  const send = (node: number, name: string, unit: number, raised: boolean): void => {
    const child = Number(name);
    if (!held[node]?.has(unit)) throw new Error(`${node} sent unit ${unit} that it does not hold`);
    if (sent[child]?.includes(unit)) throw new Error(`unit ${unit} was sent to ${child} twice`);
    sent[child]?.push(unit);
    network.post(`${child} down`, () => receive(child, unit));
    network.post(`${child} socket`, () => perform(node, at(node).sent(name, raised)));
  };
  const perform = (node: number, actions: readonly RelayAction[]): void => {
    for (const action of actions) {
      if (action.kind === 'send') send(node, action.child, action.unit, action.raised);
      else if (action.kind === 'want') ask(node, action.ranges);
      else delivered[node] = true;
      if (action.kind !== 'delivered' || node === 0) continue;
      const parent = parents[node] as number;
      network.post(`${node} up`, () => perform(parent, at(parent).childDelivered(String(node))));
    }
  };
  for (let unit = 0; unit <= chunkCount; unit++) receive(0, unit);
  parents.forEach((parent, node) => {
    if (node > 0)
      network.post(`${node} up`, () => perform(parent, at(parent).childHas(String(node), [], false)));
  });
  wants.forEach(({ node, ranges }, index) =>
    network.post(`want ${index}`, () => perform(node, at(node).want(ranges))),
  );
  network.run(choose);
  return { delivered, sent, asked };
}
