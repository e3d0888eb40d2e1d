/** The relay's state machine when links are lost and children come back, in simulated trees. */
import test from 'ava';
import fc from 'fast-check';
import { RelayMachine } from '../../../src/transport/relay-machine.js';
import type { RelayAction } from '../../../src/transport/relay-machine.js';

const PIECES = 1;
const WINDOW = 2;

const sends = (actions: readonly RelayAction[]): [string, number][] =>
  actions.flatMap((action) =>
    action.kind === 'send' ? [[action.child, action.unit] as [string, number]] : [],
  );

/** Holds everything of three chunks, for one child. */
function source(): RelayMachine {
  const relay = new RelayMachine({ pieceCount: PIECES, windowUnits: WINDOW });
  relay.attach('a');
  relay.setOrder([0, 1, 2]);
  for (let unit = 0; unit < 4; unit++) relay.unitHeld(unit);
  return relay;
}

test('nothing is sent to a child that is away, whatever arrives meanwhile', (t) => {
  const relay = new RelayMachine({ pieceCount: PIECES, windowUnits: WINDOW });
  relay.attach('a');
  relay.childHas('a', [], true);
  relay.away('a');
  t.deepEqual(relay.unitHeld(0), []);
  t.deepEqual(sends(relay.childHas('a', [], true)), [['a', 0]]);
});

test('a child that comes back with less than was sent is sent the rest again, and the window is whole', (t) => {
  const relay = source();
  t.deepEqual(sends(relay.childHas('a', [], true)), [
    ['a', 0],
    ['a', 1],
  ]);
  relay.away('a');
  t.deepEqual(sends(relay.childHas('a', [0, 1], true)), [
    ['a', 1],
    ['a', 2],
  ]);
});

test('a child that comes back twice is not sent more than the window', (t) => {
  const relay = source();
  relay.childHas('a', [], true);
  relay.away('a');
  relay.away('a');
  t.is(sends(relay.childHas('a', [], true)).length, WINDOW);
  t.deepEqual(sends(relay.sent('a', false)), [['a', 2]]);
});

test('a child that is away is waited for: nothing is said to be delivered before it has said so again', (t) => {
  const relay = new RelayMachine({ pieceCount: PIECES, windowUnits: WINDOW });
  relay.attach('a');
  relay.setOrder([]);
  relay.childDelivered('a');
  relay.away('a');
  t.deepEqual(relay.unitHeld(0), []);
  t.deepEqual(relay.childDelivered('a'), [{ kind: 'delivered' }]);
});

interface Node {
  machine: RelayMachine;
  readonly held: Set<number>;
  /** Of the link to its parent: what was sent by an earlier one does not arrive. */
  link: number;
  delivered: boolean;
}

/** A tree of relays whose links are cut now and then. Throws when a relay sends what it does not hold. */
class Simulation {
  readonly #queues = new Map<string, (() => void)[]>();
  readonly nodes: Node[];
  readonly #order: number[];

  constructor(
    private readonly parents: readonly number[],
    chunkCount: number,
    private readonly choose: (n: number) => number,
  ) {
    this.#order = Array.from({ length: chunkCount }, (_, i) => chunkCount - 1 - i);
    this.nodes = parents.map((_, node) => ({
      machine: this.#machine(node),
      held: new Set(),
      link: 0,
      delivered: false,
    }));
  }

  /** @returns whether everybody has everything, and the root knows */
  run(cuts: number): boolean {
    for (let unit = 0; unit <= this.#order.length; unit++) this.#receive(0, unit);
    for (let node = 1; node < this.nodes.length; node++) this.#greet(node);
    for (let steps = 0; this.#queues.size > 0; steps++) {
      if (steps > 100_000) throw new Error('the simulation does not end');
      if (cuts > 0 && this.nodes.length > 1 && this.choose(4) === 0) {
        cuts--;
        this.#cut(1 + this.choose(this.nodes.length - 1));
      }
      if (this.choose(4) === 0) {
        const reader = this.choose(this.nodes.length);
        this.#perform(reader, this.#node(reader).machine.want([this.choose(1 + this.#order.length), 1]));
      }
      this.#step();
    }
    return this.nodes.every(({ held, delivered }) => delivered && held.size === 1 + this.#order.length);
  }

  #node(node: number): Node {
    return this.nodes[node] as Node;
  }

  #machine(node: number): RelayMachine {
    const machine = new RelayMachine({ pieceCount: PIECES, windowUnits: WINDOW });
    this.parents.forEach((parent, child) => parent === node && child > 0 && machine.attach(String(child)));
    return machine;
  }

  /** The link to its parent is lost, and made again. A leaf may have lost some of what it held, too. */
  #cut(node: number): void {
    const it = this.#node(node);
    const parent = this.#node(this.parents[node] as number);
    it.link++;
    parent.machine.away(String(node));
    if (!this.parents.includes(node) && this.choose(2) === 0) this.#startAgain(node);
    this.#greet(node);
    if (this.choose(3) === 0) this.#greet(node);
  }

  #startAgain(node: number): void {
    const it = this.#node(node);
    it.machine = this.#machine(node);
    const kept = [...it.held].filter((unit) => unit < PIECES || this.choose(2) === 0);
    it.held.clear();
    it.delivered = false;
    for (const unit of kept) this.#receive(node, unit);
  }

  /** By a new link a child says what it holds, and that it has everything if it has. */
  #greet(node: number): void {
    const it = this.#node(node);
    const parent = this.parents[node] as number;
    this.#post(`${node} up`, node, () => {
      this.#perform(
        parent,
        this.#node(parent).machine.childHas(String(node), it.machine.held(), it.machine.orderKnown),
      );
      if (it.delivered) this.#perform(parent, this.#node(parent).machine.childDelivered(String(node)));
    });
    this.#ask(node, it.machine.wanted());
  }

  #receive(node: number, unit: number): void {
    const { machine, held } = this.#node(node);
    held.add(unit);
    this.#perform(node, machine.unitHeld(unit));
    if (unit !== 0 || machine.orderKnown) return;
    this.#perform(node, machine.setOrder(this.#order));
    if (node > 0) this.#greet(node);
  }

  #perform(node: number, actions: readonly RelayAction[]): void {
    for (const action of actions) {
      if (action.kind === 'delivered') this.#delivered(node);
      else if (action.kind === 'want') this.#ask(node, action.ranges);
      else this.#send(node, Number(action.child), action.unit, action.raised);
    }
  }

  #delivered(node: number): void {
    this.#node(node).delivered = true;
    if (node === 0) return;
    const parent = this.parents[node] as number;
    this.#post(`${node} up`, node, () =>
      this.#perform(parent, this.#node(parent).machine.childDelivered(String(node))),
    );
  }

  #ask(node: number, ranges: readonly number[]): void {
    const parent = this.parents[node] as number;
    if (node === 0 || ranges.length === 0) return;
    this.#post(`${node} up`, node, () =>
      this.#perform(parent, this.#node(parent).machine.want(ranges, String(node))),
    );
  }

  #send(node: number, child: number, unit: number, raised: boolean): void {
    if (!this.#node(node).held.has(unit)) throw new Error(`${node} sent unit ${unit} that it does not hold`);
    this.#post(`${child} down`, child, () => this.#receive(child, unit));
    this.#post(`${child} socket`, child, () =>
      this.#perform(node, this.#node(node).machine.sent(String(child), raised)),
    );
  }

  /** In order on each link, and lost with it. */
  #post(queue: string, linkOf: number, deliver: () => void): void {
    const { link } = this.#node(linkOf);
    const waiting = this.#queues.get(queue) ?? [];
    waiting.push(() => link === this.#node(linkOf).link && deliver());
    this.#queues.set(queue, waiting);
  }

  #step(): void {
    const [name, queue] = [...this.#queues][this.choose(this.#queues.size)] as [string, (() => void)[]];
    const deliver = queue.shift() as () => void;
    if (queue.length === 0) this.#queues.delete(name);
    deliver();
  }
}

test('in any tree, however often links are cut and leaves start again, everybody completes', (t) => {
  const property = fc.property(
    fc.array(fc.nat(), { minLength: 1, maxLength: 10 }),
    fc.integer({ min: 0, max: 9 }),
    fc.integer({ min: 0, max: 30 }),
    fc.infiniteStream(fc.nat({ max: 1000 })),
    (seeds, chunkCount, cuts, stream) => {
      const parents = [-1, ...seeds.map((seed, i) => seed % (i + 1))];
      const choose = (n: number): number => (stream.next().value as number) % n;
      return new Simulation(parents, chunkCount, choose).run(cuts);
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});
