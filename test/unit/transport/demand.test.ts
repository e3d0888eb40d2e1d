import test from 'ava';
import fc from 'fast-check';
import { splitRanges } from '../../../src/transport/demand.js';
import type { RelayMachine } from '../../../src/transport/relay-machine.js';
import { machine, sends, simulate } from './relay-simulation.js';

const PIECES = 1;

/** Holds its document and the chunks of these numbers; the children hold nothing, and one send is under way at most. */
function relayOf(chunkCount: number, held: readonly number[], children = ['a']): RelayMachine {
  const relay = machine(children, PIECES, 1);
  relay.unitHeld(0);
  relay.setOrder(Array.from({ length: chunkCount }, (_, chunk) => chunk));
  for (const chunk of held) relay.unitHeld(PIECES + chunk);
  return relay;
}

/** Which units go to a child, in order, when each is taken at once. */
function stream(relay: RelayMachine, child: string): number[] {
  const units: number[] = [];
  let actions = relay.childHas(child, [0, 1], true);
  for (let step = 0; actions.length > 0 && step < 1000; step++) {
    const next = actions.flatMap((action) => (action.kind === 'send' ? [action] : []));
    units.push(...next.map(({ unit }) => unit));
    actions = next.flatMap(({ child: name, raised }) => relay.sent(name, raised));
  }
  return units;
}

/** Over a link that takes all that is raised before anything else. */
function drain(relay: RelayMachine, child: string): { raised: number[]; others: number[] } {
  const sent = { raised: [] as number[], others: [] as number[] };
  const waiting = relay.childHas(child, [0, PIECES], true).filter((action) => action.kind === 'send');
  while (waiting.length > 0) {
    const at = Math.max(
      0,
      waiting.findIndex((send) => send.raised),
    );
    for (const { unit, raised } of waiting.splice(at, 1)) {
      sent[raised ? 'raised' : 'others'].push(unit);
      waiting.push(...relay.sent(child, raised).filter((action) => action.kind === 'send'));
    }
  }
  return sent;
}

test('what a child waits for goes before the order of sending, in the order asked, and not again later', (t) => {
  const relay = relayOf(6, [0, 1, 2, 3, 4, 5]);
  t.deepEqual(sends(relay.childHas('a', [0, 1], true)), [['a', 1]]);
  const raised = sends(relay.want([6, 1, 4, 2], 'a')).map(([, unit]) => unit);
  const rest: number[] = [];
  let [ordinary, more] = [true, true];
  while (more) {
    const wanted = relay.sent('a', true);
    raised.push(...sends(wanted).map(([, unit]) => unit));
    more = wanted.length > 0;
  }
  while (ordinary) {
    const actions = relay.sent('a', false);
    rest.push(...sends(actions).map(([, unit]) => unit));
    ordinary = actions.length > 0;
  }
  t.deepEqual(raised, [6, 4, 5]);
  t.deepEqual(rest, [2, 3]);
});

test('what is not held yet is asked for above, once for all that wait, and passed on the moment it is here', (t) => {
  const relay = relayOf(6, [0], ['a', 'b']);
  t.deepEqual(stream(relay, 'a'), [1]);
  t.deepEqual(stream(relay, 'b'), [1]);
  t.deepEqual(relay.want([1, 2, 5, 1], 'a'), [{ kind: 'want', ranges: [2, 1, 5, 1] }]);
  t.deepEqual(relay.want([5, 1], 'b'), []);
  t.deepEqual(relay.want([5, 1]), [], 'this node waits for it, too');
  t.deepEqual(relay.unitHeld(5), [
    { kind: 'send', child: 'a', unit: 5, raised: true },
    { kind: 'send', child: 'b', unit: 5, raised: true },
  ]);
});

test('a child gets first what it has asked for itself, then what others wait for', (t) => {
  const relay = relayOf(8, [0, 1, 2, 3, 4, 5, 6, 7], ['a', 'b']);
  relay.want([5, 1], 'a');
  relay.want([7, 1], 'b');
  t.deepEqual(sends(relay.childHas('b', [0, 1], true)), [
    ['b', 7],
    ['b', 1],
  ]);
  t.deepEqual(sends(relay.sent('b', true)), [['b', 5]]);
});

test('what was asked for before the order was known is raised with it', (t) => {
  const relay = machine(['a'], PIECES, 1);
  relay.childHas('a', [], true);
  t.deepEqual(relay.want([3, 1], 'a'), []);
  relay.unitHeld(0);
  t.deepEqual(relay.setOrder([0, 1, 2]), [{ kind: 'want', ranges: [3, 1] }]);
});

test('what has not come is known, in the order asked, for a new link to above', (t) => {
  const relay = relayOf(8, []);
  relay.want([6, 2], 'a');
  relay.want([1, 3]);
  relay.unitHeld(7);
  relay.unitHeld(2);
  t.deepEqual(relay.wanted(), [6, 1, 1, 1, 3, 1]);
});

test('a child that has come back may ask again for what it has lost', (t) => {
  const relay = relayOf(4, [0, 1, 2, 3]);
  relay.childHas('a', [0, 1], true);
  t.deepEqual(sends(relay.want([4, 1], 'a')), [['a', 4]]);
  relay.sent('a', true);
  relay.sent('a', false);
  relay.childHas('a', [0, 3], true);
  t.deepEqual(sends(relay.want([4, 1], 'a')), [['a', 4]]);
});

test('ranges beyond the units, overlapping or endless, are cut to what there is', (t) => {
  const relay = relayOf(4, []);
  const huge = Number.MAX_SAFE_INTEGER;
  t.deepEqual(relay.want([4, huge, huge, huge, 3, 1, 2, 2], 'a'), [
    { kind: 'want', ranges: [4, 1, 3, 1, 2, 1] },
  ]);
  t.deepEqual(relay.want([0, huge], 'a'), [{ kind: 'want', ranges: [1, 1] }]);
  t.deepEqual(relay.want([0, huge, 3], 'a'), []);
});

test('a child that asks for everything, again and again, stands behind what another asks for', (t) => {
  const all = Array.from({ length: 100 }, (_, chunk) => chunk);
  const relay = relayOf(100, all, ['greedy', 'modest']);
  for (let again = 0; again < 100; again++) relay.want([0, 101], 'greedy');
  relay.want([90, 1], 'modest');
  const units = stream(relay, 'modest');
  t.is(units[0], 90);
  t.deepEqual(
    units.toSorted((a, b) => a - b),
    all.map((chunk) => chunk + PIECES),
  );
});

test('ranges travel in messages of bounded size, those that touch as one', (t) => {
  t.deepEqual(splitRanges([1, 2, 3, 1, 7, 1, 9, 1], 2), [
    [1, 3, 7, 1],
    [9, 1],
  ]);
  t.deepEqual(splitRanges([], 2), []);
});

test('whatever a child asks for goes to it in the order asked, each unit once, and then the rest in its order', (t) => {
  const range = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }));
  const property = fc.property(fc.array(range, { maxLength: 12 }), (asks) => {
    const all = Array.from({ length: 20 }, (_, chunk) => chunk);
    const relay = relayOf(20, all);
    for (const ask of asks) relay.want(ask, 'a');
    const asked = asks.flatMap(([first, count]) => all.map((i) => first + i).slice(0, count));
    const { raised, others } = drain(relay, 'a');
    const inOrder = [...new Set(asked.filter((unit) => unit <= 20))];
    // The link had one in hand before anything was asked for.
    t.deepEqual(
      raised,
      inOrder.filter((unit) => unit !== others[0]),
    );
    t.deepEqual(
      others,
      all.map((chunk) => chunk + PIECES).filter((unit) => !raised.includes(unit)),
    );
  });
  fc.assert(property, { numRuns: 200 });
});

test('in any tree, whoever waits for whatever and whenever, each unit is sent and asked for once, and all complete', (t) => {
  const range = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 }));
  const property = fc.property(
    fc.array(fc.nat(), { minLength: 1, maxLength: 10 }),
    fc.integer({ min: 0, max: 30 }),
    fc.array(fc.tuple(fc.nat(), fc.array(range, { maxLength: 4 })), { maxLength: 12 }),
    fc.infiniteStream(fc.nat({ max: 1000 })),
    (seeds, chunkCount, asks, timing) => {
      const parents = [-1, ...seeds.map((seed, i) => seed % (i + 1))];
      const wants = asks.map(([node, ranges]) => ({ node: node % parents.length, ranges: ranges.flat() }));
      const choose = (n: number): number => (timing.next().value as number) % n;
      return simulate({ parents, chunkCount, wants, choose }).delivered.every(Boolean);
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});
