import test from 'ava';
import fc from 'fast-check';
import { RelayMachine } from '../../../src/transport/relay-machine.js';
import type { RelayAction } from '../../../src/transport/relay-machine.js';

const sends = (actions: readonly RelayAction[]): [string, number][] =>
  actions.flatMap((action) =>
    action.kind === 'send' ? [[action.child, action.unit] as [string, number]] : [],
  );

function machine(children: readonly string[], pieces = 1, window = 4): RelayMachine {
  const relay = new RelayMachine({ pieceCount: pieces, windowUnits: window });
  for (const child of children) relay.attach(child);
  return relay;
}

test('a unit goes to every child the moment it is held, and not before', (t) => {
  const relay = machine(['a', 'b']);
  t.deepEqual(sends(relay.childHas('a', [])), []);
  t.deepEqual(sends(relay.unitHeld(0)), [['a', 0]]);
  t.deepEqual(sends(relay.childHas('b', [])), [['b', 0]]);
});

test('chunks follow the order of sending, whatever their numbers', (t) => {
  const relay = machine(['a'], 1, 10);
  relay.childHas('a', []);
  relay.unitHeld(0);
  relay.setOrder([2, 0, 1]);
  t.deepEqual(sends(relay.unitHeld(1)), [], 'chunk 0 waits for chunk 2, which is before it');
  t.deepEqual(sends(relay.unitHeld(3)), [
    ['a', 3],
    ['a', 1],
  ]);
});

test('no more sends to a child are under way than the window allows; a slow child holds back nobody', (t) => {
  const relay = machine(['slow', 'fast'], 1, 2);
  relay.childHas('slow', []);
  relay.childHas('fast', []);
  relay.setOrder([0, 1, 2, 3]);
  const all: [string, number][] = [];
  for (let unit = 0; unit < 5; unit++) {
    const now = sends(relay.unitHeld(unit));
    all.push(...now);
    for (const [child] of now) if (child === 'fast') all.push(...sends(relay.sent('fast')));
  }
  t.is(all.filter(([child]) => child === 'slow').length, 2);
  t.is(all.filter(([child]) => child === 'fast').length, 5);
});

test('a child that already holds something is sent only the rest', (t) => {
  const relay = machine(['a'], 1, 10);
  relay.setOrder([0, 1, 2]);
  for (let unit = 0; unit < 4; unit++) relay.unitHeld(unit);
  t.deepEqual(sends(relay.childHas('a', [0, 2, 3, 1])), [['a', 2]]);
});

test('delivered is said once, when all is here and in every subtree', (t) => {
  const relay = machine(['a', 'b']);
  relay.setOrder([0]);
  relay.unitHeld(0);
  t.deepEqual(relay.unitHeld(1), []);
  t.deepEqual(relay.childDelivered('a'), []);
  t.deepEqual(relay.childDelivered('b'), [{ kind: 'delivered' }]);
  t.deepEqual(relay.childDelivered('b'), []);
});

test('a lost child is waited for by nobody', (t) => {
  const relay = machine(['a']);
  relay.setOrder([]);
  relay.unitHeld(0);
  t.deepEqual(relay.detach('a'), [{ kind: 'delivered' }]);
});

test('a layer without content is delivered with its document', (t) => {
  const relay = machine([]);
  relay.unitHeld(0);
  t.deepEqual(relay.setOrder([]), [{ kind: 'delivered' }]);
});

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

/** A tree of machines; throws when one sends what it does not hold, or sends it twice. Says who completed. */
function simulate(parents: readonly number[], chunkCount: number, choose: (n: number) => number): boolean[] {
  const childrenOf = (node: number): string[] =>
    parents.flatMap((p, c) => (p === node && c > 0 ? [String(c)] : []));
  const nodes = parents.map((_, node) => machine(childrenOf(node), 1, 2));
  const held = parents.map(() => new Set<number>());
  const sent = parents.map(() => new Set<number>());
  const delivered = parents.map(() => false);
  const order = Array.from({ length: chunkCount }, (_, i) => chunkCount - 1 - i);
  const network = new Network();
  const at = (node: number): RelayMachine => nodes[node] as RelayMachine;

  const receive = (node: number, unit: number): void => {
    held[node]?.add(unit);
    perform(node, at(node).unitHeld(unit));
    if (unit === 0) perform(node, at(node).setOrder(order));
  };
  const perform = (node: number, actions: readonly RelayAction[]): void => {
    for (const action of actions) {
      if (action.kind === 'delivered') {
        delivered[node] = true;
        const parent = parents[node] as number;
        if (node > 0)
          network.post(`${node} up`, () => perform(parent, at(parent).childDelivered(String(node))));
        continue;
      }
      const child = Number(action.child);
      if (!held[node]?.has(action.unit))
        throw new Error(`${node} sent unit ${action.unit} that it does not hold`);
      if (sent[child]?.has(action.unit)) throw new Error(`unit ${action.unit} was sent to ${child} twice`);
      sent[child]?.add(action.unit);
      network.post(`${child} down`, () => receive(child, action.unit));
      network.post(`${child} socket`, () => perform(node, at(node).sent(action.child)));
    }
  };
  for (let unit = 0; unit <= chunkCount; unit++) receive(0, unit);
  parents.forEach((parent, node) => {
    if (node > 0) network.post(`${node} up`, () => perform(parent, at(parent).childHas(String(node), [])));
  });
  network.run(choose);
  return delivered;
}

test('in any tree, with any order of events, everybody completes, each unit sent once and never unheld', (t) => {
  const property = fc.property(
    fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
    fc.integer({ min: 0, max: 9 }),
    fc.infiniteStream(fc.nat({ max: 1000 })),
    (seeds, chunkCount, stream) => {
      const parents = [-1, ...seeds.map((seed, i) => seed % (i + 1))];
      const choose = (n: number): number => (stream.next().value as number) % n;
      return simulate(parents, chunkCount, choose).every(Boolean);
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});
